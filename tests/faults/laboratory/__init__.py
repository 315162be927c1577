"""The fault laboratory: load on the local stack, one fault after another, and what must be true after each.

Read `faults.py` first: it is the table of contents.
"""
