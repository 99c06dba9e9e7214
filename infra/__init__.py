"""Describe, deploy, configure and verify one municipality's isolated tenant."""
