"""The rule file's `cache:` block: where answers are kept, and how much of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Sizes in octets. `memory` is of each worker. `directory`: where all workers share `disk` octets of files; None:
    nowhere. `largest` bounds one answer. `purge_token`: the file whose first line lets clients purge; None: no file.
    """

    memory: int = 64 * _MIB
    directory: Path | None = None
    disk: int = 10_240 * _MIB
    largest: int = 1_024 * _MIB
    purge_token: Path | None = None


DEFAULT_CACHE: Final = CacheSettings()
