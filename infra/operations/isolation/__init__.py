"""Carry out what `infra.isolation` plans, and read what it judges."""
