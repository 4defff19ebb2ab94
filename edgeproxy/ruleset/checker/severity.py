"""The severity of each finding: whether it keeps the edge from starting, fails a check, or is only said."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from edgeproxy.ruleset.problems import Code


class Severity(StrEnum):
    """Errors keep the edge from starting; errors and warnings make `edgeproxy check` fail; notes do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


# Every kind of finding of the checker, and of asking live backends. What reading finds is an error.
SEVERITIES: Final[Mapping[Code, Severity]] = {
    Code.DEAD_RULE: Severity.ERROR,
    Code.DEAD_PIN: Severity.ERROR,
    Code.HOST_WITHOUT_RULES: Severity.WARNING,
    Code.REDIRECT_LOOP: Severity.ERROR,
    Code.ENDLESS_REDIRECT: Severity.ERROR,
    Code.REDIRECT_CHAIN: Severity.WARNING,
    Code.BACKEND_CHAIN: Severity.NOTE,
    Code.DOWNGRADE: Severity.WARNING,
    Code.GAP: Severity.NOTE,
    Code.UNDECIDED: Severity.WARNING,
    Code.EXPECT_FAILED: Severity.ERROR,
    Code.DIRECTION_FLIP: Severity.ERROR,
    Code.CONTENT_APP_RULE: Severity.ERROR,
    Code.CONTENT_ON_APP: Severity.ERROR,
    Code.CONTENT_NOT_ISOLATED: Severity.ERROR,
    Code.CONTENT_CREDENTIALS: Severity.WARNING,
    Code.CONTENT_SAME_SITE: Severity.NOTE,
    Code.UNSAFE_SHADOW: Severity.ERROR,
    Code.UNSAFE_CACHE: Severity.ERROR,
    Code.UNSAFE_FALLBACK: Severity.ERROR,
    Code.UNSAFE_REDIRECT: Severity.WARNING,
    Code.BODY_NOT_IN_KEY: Severity.ERROR,
    Code.QUERY_NOT_IN_KEY: Severity.ERROR,
    Code.UNKEYED_QUERY: Severity.WARNING,
    Code.CREDENTIAL_KEY: Severity.WARNING,
    Code.IDLE_CACHE: Severity.WARNING,
    Code.IDLE_COMPRESS: Severity.NOTE,
    Code.DRIFT_QUERY: Severity.WARNING,
    Code.DRIFT_HEADER: Severity.WARNING,
    Code.DRIFT_METHOD: Severity.WARNING,
    Code.DRIFT_KEY: Severity.WARNING,
    Code.UNBOUND_REWRITE: Severity.WARNING,
    Code.UNDECLARED_REDIRECT: Severity.WARNING,
    Code.REDIRECT_NOT_SO: Severity.WARNING,
    Code.NOT_PROBED: Severity.NOTE,
    Code.LIVE_LOOP: Severity.ERROR,
    Code.LIVE_HOPS: Severity.ERROR,
    Code.LIVE_FLIP: Severity.ERROR,
    Code.LIVE_FAILURE: Severity.ERROR,
    Code.LIVE_LEAK: Severity.ERROR,
    Code.LIVE_LEAVES: Severity.WARNING,
    Code.ARMS_DIFFER: Severity.ERROR,
    Code.ARMS_UNLIKE: Severity.WARNING,
    Code.FALLBACK_FAILS: Severity.ERROR,
    Code.FALLBACK_DIFFERS: Severity.WARNING,
    Code.NO_FALLBACK: Severity.WARNING,
    Code.STOOD_IN: Severity.WARNING,
    Code.CAPTURED_OTHERWISE: Severity.WARNING,
    Code.NOT_WALKED: Severity.WARNING,
    Code.UNWALKED_RULE: Severity.ERROR,
    Code.REFUSED_RULE: Severity.ERROR,
}


def severity_of(code: Code) -> Severity:
    return SEVERITIES.get(code, Severity.ERROR)
