"""The repository's root is importable, so that test modules can share `tests.contracts.contract_files`."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parents[2]))

# a machine that does much else at the same time makes no test wrong
settings.register_profile("contracts", deadline=None)
settings.load_profile("contracts")
