"""Isolation: what is tried against a tenant's borders, and how what happened is judged.

Pure: no packets, hosts, files or clock. `infra.operations` carries it out.
"""
