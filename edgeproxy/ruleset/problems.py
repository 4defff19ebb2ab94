"""What is wrong with a rule file, and how it is said.

Laws of this module:
- a problem says where, what, why and what to do; its code is stable and closed, for machines and for searches;
- `Refusal` is what reading one value raises: it knows the offset inside that value and nothing of files. Whoever
  read the value knows its node, and the node knows its place: no author of a check passes a line number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from edgeproxy.ruleset.place import Place

# What YAML 1.1 takes for the end of a line; quoting by any other notion would show the wrong line.
LINE_END: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_QUOTED_WIDTH: Final = 160
_LISTED_NAMES: Final = 8
_LIKENESS: Final = 0.7  # as get_close_matches measures it: below, its guesses are far-fetched


class Code(StrEnum):
    """The kinds of problem."""

    UNREADABLE_FILE = "unreadable-file"
    YAML_SYNTAX = "yaml-syntax"
    YAML_FEATURE = "yaml-feature"
    TOO_DEEP = "too-deep"
    CYCLIC_INCLUDE = "cyclic-include"
    DUPLICATE_KEY = "duplicate-key"
    UNKNOWN_KEY = "unknown-key"
    MISSING_KEY = "missing-key"
    CONFLICTING_KEYS = "conflicting-keys"
    CONFLICTING_VALUES = "conflicting-values"
    WRONG_TYPE = "wrong-type"
    EMPTY_VALUE = "empty-value"
    LANGUAGE_VERSION = "language-version"
    BAD_NAME = "bad-name"
    BAD_ADDRESS = "bad-address"
    BAD_HOST_NAME = "bad-host-name"
    BAD_CHOICE = "bad-choice"
    BAD_URL = "bad-url"
    BAD_NETWORK = "bad-network"
    BAD_DIRECTORY = "bad-directory"
    BAD_FILE = "bad-file"
    BAD_DURATION = "bad-duration"
    BAD_SIZE = "bad-size"
    BAD_COUNT = "bad-count"
    BAD_RATE = "bad-rate"
    BAD_PERCENTAGE = "bad-percentage"
    BAD_RATIO = "bad-ratio"
    BAD_STICKY_KEY = "bad-sticky-key"
    BAD_STEPS = "bad-steps"
    BAD_CACHE_KEY = "bad-cache-key"
    BAD_IGNORE = "bad-ignore"
    BAD_METHOD = "bad-method"
    BAD_PROTOCOL = "bad-protocol"
    BAD_TARGET = "bad-target"
    BAD_TEMPLATE = "bad-template"
    BAD_REGEX = "bad-regex"
    BAD_VALUE = "bad-value"
    BAD_TIME = "bad-time"
    BAD_STATUS = "bad-status"
    BAD_HEADER = "bad-header"
    BAD_BODY = "bad-body"
    BAD_FAULT = "bad-fault"
    BAD_MOVE = "bad-move"
    UNKNOWN_CAPTURE = "unknown-capture"
    UNKNOWN_FILTER = "unknown-filter"
    OPEN_REDIRECT = "open-redirect"
    UNDEFINED_NAME = "undefined-name"
    DUPLICATE_NAME = "duplicate-name"
    DUPLICATE_VALUE = "duplicate-value"
    WEIGHTS_SUM = "weights-sum"
    ONE_ACTION = "one-action"
    DEAD_RULE = "dead-rule"
    DEAD_PIN = "dead-pin"
    BAD_CASE = "bad-case"
    HOST_WITHOUT_RULES = "host-without-rules"
    GAP = "gap"
    REDIRECT_LOOP = "redirect-loop"
    ENDLESS_REDIRECT = "endless-redirect"
    REDIRECT_CHAIN = "redirect-chain"
    BACKEND_CHAIN = "backend-chain"
    DOWNGRADE = "downgrade"
    UNDECIDED = "undecided"
    EXPECT_FAILED = "expect-failed"
    DIRECTION_FLIP = "direction-flip"
    CONTENT_APP_RULE = "content-app-rule"
    CONTENT_ON_APP = "content-on-app"
    CONTENT_SAME_SITE = "content-same-site"
    CONTENT_NOT_ISOLATED = "content-not-isolated"
    CONTENT_CREDENTIALS = "content-credentials"
    UNSAFE_SHADOW = "unsafe-shadow"
    UNSAFE_CACHE = "unsafe-cache"
    UNSAFE_FALLBACK = "unsafe-fallback"
    UNSAFE_REDIRECT = "unsafe-redirect"
    BODY_NOT_IN_KEY = "body-not-in-key"
    QUERY_NOT_IN_KEY = "query-not-in-key"
    UNKEYED_QUERY = "unkeyed-query"
    CREDENTIAL_KEY = "credential-key"
    IDLE_CACHE = "idle-cache"
    IDLE_COMPRESS = "idle-compress"
    DRIFT_QUERY = "drift-query"
    DRIFT_HEADER = "drift-header"
    DRIFT_METHOD = "drift-method"
    DRIFT_KEY = "drift-key"
    UNBOUND_REWRITE = "unbound-rewrite"
    UNDECLARED_REDIRECT = "undeclared-redirect"
    REDIRECT_NOT_SO = "redirect-not-so"
    NOT_PROBED = "not-probed"
    LIVE_LOOP = "live-loop"
    LIVE_HOPS = "live-hops"
    LIVE_FLIP = "live-flip"
    LIVE_FAILURE = "live-failure"
    LIVE_LEAK = "live-leak"
    LIVE_LEAVES = "live-leaves"
    ARMS_DIFFER = "arms-differ"
    ARMS_UNLIKE = "arms-unlike"
    FALLBACK_FAILS = "fallback-fails"
    FALLBACK_DIFFERS = "fallback-differs"
    NO_FALLBACK = "no-fallback"
    STOOD_IN = "stood-in"
    CAPTURED_OTHERWISE = "captured-otherwise"
    NOT_WALKED = "not-walked"
    UNWALKED_RULE = "unwalked-rule"
    REFUSED_RULE = "refused-rule"
    OVERRIDE = "override"


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that has a part in a problem, and which part."""

    place: Place
    note: str  # such as "first defined here"


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a redirect chain: what is asked, who answers, and with what."""

    method: str
    url: str
    by: str  # such as "rule old-host", "backend legacy (rule pages)", "held since old.yaml: rule names"
    status: int
    location: str
    place: Place


@dataclass(frozen=True, slots=True)
class Evidence:
    """A request that shows the problem (as `METHOD URL`), its hops, and what must hold beside for it to occur."""

    witness: str
    hops: tuple[Hop, ...] = ()
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    code: Code
    place: Place
    message: str
    why: str
    remedy: str
    related: Related | None = None
    also: tuple[Related, ...] = ()  # further places that have a part in it
    evidence: Evidence | None = None

    @property
    def parts(self) -> tuple[Related, ...]:
        """All the other places that have a part in it."""
        return self.also if self.related is None else (self.related, *self.also)


class Refusal(ValueError):
    """One value cannot be read. `offset` counts characters from the value's beginning."""

    def __init__(self, code: Code, message: str, why: str, remedy: str, offset: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.why = why
        self.remedy = remedy
        self.offset = offset


class RuleFileError(Exception):
    """A rule file that gives no ruleset. `str()` of it renders every problem, with the lines it quotes."""

    def __init__(self, problems: Sequence[Problem], sources: Mapping[str, str]) -> None:
        super().__init__(problems, sources)
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.sources = dict(sources)

    def __str__(self) -> str:
        return render_problems(self.problems, self.sources)


def render_problems(
    problems: Iterable[Problem], sources: Mapping[str, str], label: Callable[[Problem], str] = lambda _: ""
) -> str:
    """The problems as text for people, an empty line between two. `sources` are the files' texts by name; `label` gives
    what stands before a problem's code.
    """
    lines = {file: LINE_END.split(text) for file, text in sources.items()}
    return "\n".join(_render(problem, lines, label(problem)) for problem in problems)


def nearest(word: str, known: Iterable[str]) -> str:
    """What somebody who wrote `word` may have meant, as the end of a remedy: a guess, or what there is."""
    names = sorted(set(known))
    guess = guess_meant(word, names)
    if guess is not None:
        return f"did you mean {guess!r}?"
    if not names:
        return "there is none."
    listed = ", ".join(names[:_LISTED_NAMES])
    more = len(names) - _LISTED_NAMES
    return f"there is: {listed}, and {more} more." if more > 0 else f"there is: {listed}."


def guess_meant(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is likely a misspelling of."""
    close = get_close_matches(word, list(known), n=1, cutoff=_LIKENESS)
    return close[0] if close else None


def _render(problem: Problem, lines: Mapping[str, Sequence[str]], label: str) -> str:
    said = f"{problem.place}: {label}{problem.code}: {problem.message}\n"
    said += _quote(problem.place, lines)
    if problem.evidence is not None:
        said += _proof(problem.evidence)
    said += f"  why: {problem.why}\n  remedy: {problem.remedy}\n"
    for related in problem.parts:
        said += f"  {related.place}: {related.note}\n"
        said += _quote(related.place, lines)
    return said


def _proof(evidence: Evidence) -> str:
    said = f"  witness: {evidence.witness}\n"
    for number, hop in enumerate(evidence.hops, 1):
        said += f"    {number}. {hop.method} {hop.url}\n"
        said += f"       {hop.status} {hop.location}  by {hop.by} at {hop.place}\n"
    if evidence.condition is not None:
        said += f"  when: {evidence.condition.removeprefix('when ')}\n"
    return said


def _quote(place: Place, lines: Mapping[str, Sequence[str]]) -> str:
    """The source line with a caret under the column; nothing where there is no such line to show."""
    source = lines.get(place.file, ())
    if place.line > len(source):
        return ""
    line = source[place.line - 1]
    if not line.strip():
        return ""
    start = max(0, place.column - _QUOTED_WIDTH // 2) if len(line) > _QUOTED_WIDTH else 0
    shown = line[start : start + _QUOTED_WIDTH]
    # A tab is as wide as the terminal likes: the caret's line keeps the tabs to stand under the same column.
    margin = "".join("\t" if character == "\t" else " " for character in shown[: place.column - 1 - start])
    printable = "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in shown)
    return f"    {printable}\n    {margin}^\n"
