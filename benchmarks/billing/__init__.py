"""Settlements next to a bare batch insert of the same rows; XML and PDF on one core."""
