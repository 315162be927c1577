"""The repository's root is importable, so that test modules can share `tests.contracts.contract_files`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
