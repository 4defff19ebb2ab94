"""How much a finding weighs."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from edgeproxy.ruleset.problems import Code


class Severity(StrEnum):
    """Errors keep the edge from starting; errors and warnings make `edgeproxy check` fail; notes do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


# What is not here is an error.
_LESS: Final = {
    Code.HOST_WITHOUT_RULES: Severity.WARNING,
    Code.UNDECIDED: Severity.WARNING,
    Code.REDIRECT_CHAIN: Severity.WARNING,
    Code.DOWNGRADE: Severity.WARNING,
    Code.GAP: Severity.NOTE,
}


def severity_of(code: Code) -> Severity:
    return _LESS.get(code, Severity.ERROR)
