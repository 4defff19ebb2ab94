"""A flood of what nobody asks for again, under a tight limit: the process does not grow beyond it by much."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LIMIT = 8 << 20
PUTS = 12_000  # 27 MiB and more, if all were kept


@pytest.mark.parametrize("kind", ["pages", "sizes", "queries", "variants", "tags"])
def test_the_process_stays_about_as_small_as_the_limit(kind: str) -> None:
    flood = [sys.executable, str(Path(__file__).with_name("flood.py")), kind, str(LIMIT), str(PUTS)]
    told = subprocess.run(flood, check=True, capture_output=True, text=True)
    assert int(told.stdout) < 1.5 * LIMIT
