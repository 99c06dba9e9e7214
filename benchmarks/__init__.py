"""Measure how fast the project is: ratios within one run, never a timed test.

Each module measures one goal of the design and writes `results/<module>.json`; `table.py` turns
all results into docs/performance.md. `make bench` runs them all.
"""
