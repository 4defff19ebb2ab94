"""`python -m loadtests.eviction`: play the traces, show the table, write eviction.json and eviction.svg.

Exit status: 0 it was measured, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from loadtests.bench.processes import REPOSITORY
from loadtests.eviction import footprint
from loadtests.eviction.chart import svg_of
from loadtests.eviction.policies import POLICIES
from loadtests.eviction.report import json_of, table_of
from loadtests.eviction.run import Outcome, outcomes
from loadtests.eviction.traces import traces

_SHARES: Final = (0.01, 0.05, 0.1)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.memory:
        print(footprint.table_of(list(_footprints(options.limit * footprint.MIB))))
        return 0
    played: list[Outcome] = []
    for trace in traces(options.objects, options.requests, options.seed):
        print(f"{trace.name}: {trace.title}", file=sys.stderr)
        played += outcomes([trace], _SHARES, options.policy)
    print(table_of(played))
    _write(played, options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.eviction",
        description="Hit ratios of S3-FIFO beside other policies (see loadtests/README.md).",
    )
    names = list(POLICIES)
    parser.add_argument("--policy", nargs="+", choices=names, default=names, metavar="POLICY", help=", ".join(names))
    parser.add_argument("--objects", type=_count, default=60_000, help="that may be asked for (60,000)")
    parser.add_argument("--requests", type=_count, default=500_000, help="of each trace (500,000)")
    parser.add_argument("--seed", type=int, default=1, help="of the traces (1)")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "var/eviction", help="directory for both files")
    parser.add_argument("--memory", action="store_true", help="instead: what the memory tier costs a process")
    parser.add_argument("--limit", type=_count, default=64, help="of that tier, in MiB (64)")
    return parser


def _count(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 100_000_000:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 100,000,000")


def _footprints(limit: int) -> Iterator[footprint.Footprint]:
    for content in footprint.CONTENTS:
        for rounds in footprint.ROUNDS:
            yield footprint.measure(limit, content, rounds)


def _write(played: Sequence[Outcome], options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    about = (
        f"Hits in per cent of what clients ask for, by size of the cache: its share of the octets of all "
        f"{options.objects:,} objects. {options.requests:,} requests, the first half warms up"
    )
    (options.out / "eviction.svg").write_text(svg_of(played, "What is kept: S3-FIFO beside other policies", about))
    document = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "objects": options.objects,
        "requests": options.requests,
        "seed": options.seed,
        "outcomes": json_of(played),
    }
    (options.out / "eviction.json").write_text(json.dumps(document, indent=1) + "\n")
    print(f"\n{options.out}/eviction.json and eviction.svg written", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
