"""Tests of everything; each folder says what it proves."""
