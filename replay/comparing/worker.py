"""The process that compares: `python -m replay.comparing.worker DIRECTORY`. It reads the spool there to its end.

Each second a line on standard output says how far it is; the last one says what it came to. It is nice to who sends.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from edgeproxy.migration.comparing.grouping import Groups
from replay.comparing.judging import Judge
from replay.comparing.kinds import Kinds
from replay.comparing.spool import read
from replay.report.facts import Comparison, NotCompared

KINDS: Final = "kinds.json"
_NICE: Final = 5


def main(directory: Path) -> None:
    os.nice(_NICE)
    judge = Judge(Kinds.from_json(json.loads((directory / KINDS).read_text())))
    told = time.monotonic()
    for pair in read(directory):
        if pair is not None:
            judge.add(pair)
        if time.monotonic() - told >= 1:
            told = time.monotonic()
            _say({"compared": judge.compared, "different": judge.different})
    _say({"result": to_json(judge.end(""))})


def to_json(comparison: Comparison) -> dict[str, Any]:
    return {
        "groups": comparison.groups.to_json(),
        "not_compared": {why.value: count for why, count in comparison.not_compared.items()},
        "pairs": comparison.pairs,
        "noise": list(comparison.noise),
    }


def from_json(found: Mapping[str, Any], beside: str) -> Comparison:
    comparison = Comparison(beside, Groups.from_json(found["groups"]), pairs=found["pairs"])
    comparison.not_compared.update({NotCompared(why): count for why, count in found["not_compared"].items()})
    comparison.noise = [(kind, pattern, share) for kind, pattern, share in found["noise"]]
    return comparison


def _say(words: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
