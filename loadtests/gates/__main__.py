"""`python -m loadtests.gates`: play the steps, show the table, write gates.json and gates.svg.

Exit status: 0 it was measured, and no gate was wrong more often than it may; 1 one was; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from edgeproxy.migration.gates.trial import ALPHA
from loadtests.bench.processes import REPOSITORY
from loadtests.gates.cases import cases, keeps_its_word
from loadtests.gates.chart import svg_of
from loadtests.gates.report import json_of, table_of
from loadtests.gates.run import Outcome, most_wrong, play


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    played = list(_outcomes(options))
    print(table_of(played))
    _write(played, options)
    limit = most_wrong(ALPHA, options.runs)
    broken = [one for one in played if keeps_its_word(one.group, one.name) and one.wrong > limit]
    for one in broken:
        print(f"wrong in {one.wrong:.1%} of the runs, which is more than {limit:.1%}: {one.group}: {one.name}")
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.gates",
        description="How often the gates of a cutover are wrong, and how long they take (see rules/GATES.md).",
    )
    parser.add_argument("--runs", type=_count, default=1000, help="of each case (1,000)")
    parser.add_argument("--seed", type=int, default=1, help="of the draws (1)")
    parser.add_argument("--case", default="", metavar="TEXT", help="only those with this in their name")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "var/gates", help="directory for both files")
    return parser


def _count(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 1_000_000:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 1,000,000")


def _outcomes(options: argparse.Namespace) -> Iterator[Outcome]:
    for case in cases(ALPHA):
        if options.case in f"{case.group}: {case.name}":
            print(f"{case.group}: {case.name}", file=sys.stderr)
            yield play(case, options.runs, options.seed)


def _write(played: Sequence[Outcome], options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "gates.svg").write_text(svg_of(played, ALPHA))
    document = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "alpha": ALPHA,
        "runs": options.runs,
        "seed": options.seed,
        "outcomes": json_of(played),
    }
    (options.out / "gates.json").write_text(json.dumps(document, indent=1) + "\n")
    print(f"\n{options.out}/gates.json and gates.svg written", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
