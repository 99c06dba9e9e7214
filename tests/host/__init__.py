"""Checks of deployed hosts, compiled from the plan; run by `tenant verify`.

They prove what the hosts do and what packets reach, not how vCenter is configured.
"""
