"""Settings that must be right before anything is issued."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from billing.settings import Settings

NOWHERE: dict[str, Any] = {
    "database_url": "postgresql+asyncpg://nobody@localhost/none",
    "kafka_bootstrap_servers": "localhost:1",
}


def test_no_document_without_a_real_issuer_but_in_development() -> None:
    with pytest.raises(ValidationError, match="DISTRIBUTOR_NAME, DISTRIBUTOR_STREET"):
        Settings(**NOWHERE, trusted_issuers_file=Path("issuers.json"), signing_key_file=Path("key.json"))
