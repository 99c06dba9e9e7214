"""Faults of a vCenter, one file each: what happens, what Pulumi tells of it, what we say."""
