"""Tests of the judgement of a vCenter's configuration."""
