"""The matrix: every port between every two servers, tried from the servers themselves.

`packet`, `sender`, `sensor` and `host` run on the tenant's hosts: standard library only.
"""
