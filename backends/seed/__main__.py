"""`python -m backends.seed --store DIR PATH...`: import wheels and sdists, report each, count at the end.

`--index URL` imports from another index instead, all of it or the projects that are named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from backends.seed.index import CannotImport, Wanted, seed_index
from backends.seed.seeding import seed
from backends.store import Store, StoreError


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m backends.seed", description="Import wheels and sdists.")
    parser.add_argument("--store", type=Path, required=True, metavar="DIR", help="made if it is not there")
    parser.add_argument("paths", type=Path, nargs="*", metavar="PATH", help="a file, or a directory of files")
    parser.add_argument("--index", metavar="URL", help="import from an index that has JSON (PEP 691)")
    parser.add_argument(
        "--project", action="append", default=[], metavar="NAME", help="of the index, only this; repeatable"
    )
    parser.add_argument("--newest", type=int, metavar="N", help="of the index, only so many versions of each project")
    options = parser.parse_args(arguments)
    if bool(options.paths) == bool(options.index):
        parser.error("give files or directories, or an index")
    for path in options.paths:
        if not path.exists():
            parser.error(f"{path}: there is no such file or directory")
    try:
        with Store(options.store) as store:
            if options.index:
                tally = seed_index(store, options.index, Wanted(options.project, options.newest), _say)
            else:
                tally = seed(store, options.paths, _say)
    except (StoreError, CannotImport) as error:
        sys.stderr.write(f"{_shown(str(error))}\n")
        return 1
    _say(str(tally))
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{_shown(line)}\n")
    sys.stdout.flush()


def _shown(line: str) -> str:
    """Names are others' text: what would move a terminal's cursor, or end a line, is escaped."""
    plain = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in line)
    encoding = sys.stdout.encoding or "utf-8"
    return plain.encode(encoding, "backslashreplace").decode(encoding)


if __name__ == "__main__":
    sys.exit(main())
