"""All partners in memory, as columns. They propose; the gate and the database's rows decide.

A radius belongs to the partner, so a search is not "the nearest k" but the best of those whose own radius reaches the
job. See docs/decisions/0037 for the layout, and docs/performance-matching.md for what it costs.

    columns.py    64 bytes a partner that answer the gate, and the rest of him
    slots.py      partner id → row
    postings.py   rows by certification × radius tier × cell, to look only where the best can be
    sieve.py      the gate on many rows at once
    points.py     the ranking's terms that need no database
    index.py      puts them together
    snapshot.py   to a file and back
"""

from matching.candidates.index import PartnerIndex

__all__ = ["PartnerIndex"]
