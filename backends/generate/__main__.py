"""`python -m backends.generate --store DIR --projects N`: an index for load work."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from backends.generate.generating import Plan, generate
from backends.generate.skew import MOST_RELEASES, weights
from backends.store import Store, StoreError


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m backends.generate", description="Make an index for load work.")
    parser.add_argument("--store", type=Path, required=True, metavar="DIR", help="made if it is not there")
    parser.add_argument("--projects", type=_number, default=10_000, metavar="N", help="how many (10000)")
    parser.add_argument("--seed", type=_number, default=1, metavar="N", help="the same one gives the same index (1)")
    parser.add_argument(
        "--median-size", type=_number, default=400, metavar="BYTES", help="of what pads a file, beyond some 1000 (400)"
    )
    parser.add_argument(
        "--most-releases", type=_number, default=MOST_RELEASES, metavar="N", help=f"of a project ({MOST_RELEASES})"
    )
    parser.add_argument("--index-only", action="store_true", help="no files: for work on the index alone")
    parser.add_argument(
        "--popularity", type=Path, metavar="FILE", help="write each project's name and its share of downloads there"
    )
    given = parser.parse_args(arguments)
    plan = Plan(given.projects, given.seed, given.median_size, given.most_releases, not given.index_only)
    try:
        with Store(given.store) as store:
            started = time.process_time()
            tally = generate(store, plan, _say)
    except (StoreError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if given.popularity is not None:
        _write_popularity(given.popularity, tally.names)
    used = time.process_time() - started
    _say(f"{plan.projects} projects, {tally.releases} releases, {tally.files} files in {used:.1f} s of CPU time")
    return 0


def _write_popularity(file: Path, names: list[str]) -> None:
    shares = weights(len(names))
    file.write_text("".join(f"{name}\t{share:.3e}\n" for name, share in zip(names, shares, strict=True)))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text!r} is no number: give one like 1000")
    return int(text)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
