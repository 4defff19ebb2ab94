"""`python -m backends.seed --store DIR PATH...`: import wheels and sdists, report each, count at the end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from backends.seed.seeding import seed
from backends.store import Store, StoreError


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m backends.seed", description="Import wheels and sdists.")
    parser.add_argument("--store", type=Path, required=True, metavar="DIR", help="made if it is not there")
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="a file, or a directory of files")
    options = parser.parse_args(arguments)
    for path in options.paths:
        if not path.exists():
            parser.error(f"{path}: there is no such file or directory")
    try:
        with Store(options.store) as store:
            tally = seed(store, options.paths, _say)
    except StoreError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    _say(str(tally))
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
