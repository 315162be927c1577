"""Settings that do not fit together are told at start."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from chassis.settings import ServiceSettings

NOWHERE: dict[str, Any] = {
    "database_url": "postgresql+asyncpg://nobody@localhost/none",
    "kafka_bootstrap_servers": "localhost:1",
    "development": True,
}


def test_one_flooded_partition_may_not_fill_a_fetch() -> None:
    with pytest.raises(ValidationError, match="FETCH_BYTES to at least four times PARTITION_FETCH_BYTES"):
        ServiceSettings(**NOWHERE, partition_fetch_bytes=262_145)
    assert ServiceSettings(**NOWHERE, partition_fetch_bytes=262_145, fetch_bytes=1_048_580).fetch_bytes
