"""Tests of the lab itself, on real hosts in a lab of their own."""
