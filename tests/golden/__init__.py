"""Every committed record's whole plan, as committed text: what a review sees of a change.

Proves that the plan is what it was, not that it is right.
"""
