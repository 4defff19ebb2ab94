"""`python -m backends.store check DIR`, `python -m backends.store sweep DIR`: whether a store is whole."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backends.store.checking import check, sweep_unnamed
from backends.store.errors import StoreError
from backends.store.store import Store

ABANDONED_AFTER = timedelta(days=1)  # no upload takes so long


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m backends.store", description="Look after a store.")
    parser.add_argument("verb", choices=("check", "sweep"), help="tell what is wrong, or delete what was abandoned")
    parser.add_argument("store", type=Path, metavar="DIR")
    given = parser.parse_args(arguments)
    if not given.store.is_dir():
        parser.error(f"{given.store}: there is no such directory")
    try:
        with Store(given.store) as store:
            return _check(store) if given.verb == "check" else _sweep(store)
    except StoreError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _check(store: Store) -> int:
    count = 0
    for found in check(store):
        sys.stdout.write(f"{found}\n")
        count += 1
    sys.stdout.write(f"{count} wrong\n" if count else "whole\n")
    return 1 if count else 0


def _sweep(store: Store) -> int:
    before = datetime.now(UTC) - ABANDONED_AFTER
    store.sweep(before)
    sys.stdout.write(f"{sweep_unnamed(store, before)} deleted\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
