"""Benchmarks: figures made by a command, never by hand."""
