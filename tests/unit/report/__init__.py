"""Tests of the report, on findings that are made here."""
