"""Report: what a suite found, in Dutch words, figures and one drawing, as one HTML page.

Pure: no files, stack, hosts or clock. `infra.operations.report` reads the evidence and writes.
"""
