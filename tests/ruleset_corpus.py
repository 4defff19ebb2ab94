"""Rulesets with planted defects, and clean ones that look dangerous: each with what `edgeproxy check` says of it.

A comment at the top may name rulesets that were in use before, the oldest first: `# after: x.old.yaml`.

`python -m tests.ruleset_corpus` writes anew what is said of each: read the difference before you keep it.
"""

from __future__ import annotations

import re
from contextlib import chdir
from pathlib import Path

from edgeproxy.cli.check import check_file
from edgeproxy.cli.findings import Checked, as_text
from edgeproxy.ruleset.load import load_ruleset

FOLDER = Path(__file__).parent / "unit/ruleset/checker/corpus"
DEFECTS = "defects"
CLEAN = "clean"
_AFTER = re.compile(r"^# after: (.+)$", re.MULTILINE)


def cases(kind: str) -> list[Path]:
    return [path for path in sorted((FOLDER / kind).glob("*.yaml")) if not path.name.endswith(".old.yaml")]


def checked(case: Path) -> Checked:
    """As when `check` is called from the case's own folder: so places are told without it."""
    with chdir(case.parent):
        after = [load_ruleset(Path(name.strip())) for name in _AFTER.findall(case.read_text())]
        return check_file(Path(case.name), after)


def said_of(case: Path) -> str:
    return as_text(checked(case)) + "\n"


def golden(case: Path) -> Path:
    return case.with_suffix(".txt")


def main() -> None:
    for case in cases(DEFECTS) + cases(CLEAN):
        golden(case).write_text(said_of(case))


if __name__ == "__main__":
    main()
