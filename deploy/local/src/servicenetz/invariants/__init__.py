"""The checker: what must always be true, looked at from outside, in the topics and the databases alone.

It shares no code with the services but contracts/, so that a mistake of theirs is not made here once more.
"""

from servicenetz.invariants.check import Result, Where, check, where

__all__ = ["Result", "Where", "check", "where"]
