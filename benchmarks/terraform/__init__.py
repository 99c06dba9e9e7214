"""The peer: the same resources, declared to terraform with the same provider."""
