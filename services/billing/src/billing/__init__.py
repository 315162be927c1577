"""Billing: rate cards, settlement of both legs, documents, ledger."""
