"""The keys of the rule language, and the reading of nodes by what they should be.

Laws of this module:
- every key that a rule file may have stands in a Shape here; any other is a problem;
- a reader that returns None has told why, once: its caller says nothing more and goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeVar

from edgeproxy.ruleset.caches import CacheSettings
from edgeproxy.ruleset.limits import Limits
from edgeproxy.ruleset.nodes import Broken, Items, Node, Table, Text, kind_of
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Problem, Refusal, Related, guess_meant, nearest

T = TypeVar("T")
_LISTED_KEYS: Final = 12


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys of one kind of table."""

    what: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    keys: tuple[str, ...] = field(init=False, compare=False)  # all of them
    known: frozenset[str] = field(init=False, compare=False)  # the same

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", self.required + self.optional)
        object.__setattr__(self, "known", frozenset(self.keys))


@dataclass(frozen=True, slots=True)
class Kind:
    """What the value of a key is: how its text is read, and in words."""

    read: Callable[[str], object]
    what: str  # such as "it is a duration"


FILE: Final = Shape(
    "a rule file",
    ("edge", "listen", "hosts", "rules"),
    ("include", "trusted_proxies", "limits", "cache", "arm_token", "backends", "splits", "cutovers"),
)
LISTENER: Final = Shape("a listen address", ("address",), ("tls", "clients", "proxy_protocol"))
CERTIFICATE: Final = Shape("a certificate", ("cert", "key"))
CLIENTS: Final = Shape("`clients`", ("ca",), ("required",))
LIMITS: Final = Shape("`limits`", (), tuple(each.name for each in fields(Limits)))
CACHE_SETTINGS: Final = Shape("`cache` of the file", (), tuple(each.name for each in fields(CacheSettings)))
HOST: Final = Shape("a host", ("names",), ("kind",))
BACKEND: Final = Shape(
    "a backend",
    (),
    (
        *("url", "urls", "directory", "host", "timeouts", "tls", "health", "eject", "limits", "slow_start"),
        *("redirects", "reads"),
    ),
)
ENDPOINT: Final = Shape("an endpoint", ("url",), ("weight",))
TIMEOUTS: Final = Shape("timeouts", (), ("connect", "head", "between", "total"))
BACKEND_TLS: Final = Shape("`tls` of a backend", (), ("ca", "name", "cert", "key"))
HEALTH: Final = Shape("`health`", ("path",), ("interval", "timeout", "healthy", "unhealthy"))
EJECT: Final = Shape("`eject`", (), ("failures", "period", "most"))
BACKEND_LIMITS: Final = Shape("`limits` of a backend", (), ("connections", "pending", "retries"))
DECLARED_REDIRECT: Final = Shape(
    "a redirect of a backend", ("path", "to"), ("status", "lifetime", "methods", "where", "query")
)
DECLARED_READ: Final = Shape("what a backend reads", ("path",), ("query", "methods", "headers"))
SPLIT: Final = Shape("a split", ("weights",), ("sticky",))
CUTOVER: Final = Shape("a cutover", ("from", "to", "steps", "hold"), ("sticky", "gates", "on_fail", "pin", "rehearsed"))
PIN: Final = Shape("a pin", ("arm",), ("user_agent", "client", "headers"))
REHEARSED: Final = Shape("`rehearsed`", ("within",))
GATES: Final = Shape("`gates`", (), ("errors", "latency", "differences"))
GATE_ERRORS: Final = Shape("the gate `errors`", ("worse_by",))
GATE_LATENCY: Final = Shape("the gate `latency`", ("p95_ratio",))
GATE_DIFFERENCES: Final = Shape("the gate `differences`", ("at_most",))
RULE: Final = Shape(
    "a rule",
    ("name", "match"),
    (
        *("forward", "redirect", "respond", "files", "limits", "upgrade", "query", "during", "off"),
        *("cache", "tags", "shadow", "fallback", "rewrite", "safety", "expect"),
    ),
)
RULE_LIMITS: Final = Shape("`limits` of a rule", (), ("body", "time", "rate", "burst"))
MATCH: Final = Shape(
    "a match",
    ("path",),
    ("host", "scheme", "methods", "where", "query", "headers", "user_agent", "client", "xmlrpc"),
)
PATH: Final = Shape("`path` as a table", ("regex",))
PREDICATES: Final = Shape(
    "what is said of a capture", (), ("normalized", "not_normalized", "in", "not_in", "matches", "not_matches")
)
VALUE: Final = Shape("what is said of a value", (), ("regex", "prefix", "present"))
WINDOW: Final = Shape("a window of `during`", (), ("first", "of_each", "after", "from", "until"))
CACHE: Final = Shape(
    "`cache` of a rule",
    (),
    (
        *("fresh", "negative", "stale_while_revalidate", "stale_if_error", "immutable"),
        *("accept", "key", "tags", "verify", "compress", "share_arms", "heed_clients"),
    ),
)
VERIFY: Final = Shape("`verify`", (), ("blake2b", "sha256", "md5"))
SHADOW: Final = Shape("a shadow", ("to", "percent"), ("compare", "ignore"))
FALLBACK: Final = Shape("a fallback", ("to", "on"))
REWRITE: Final = Shape("`rewrite`", (), ("path", "host", "headers", "answer_headers"))
HEADER: Final = Shape("a header, when it has no value,", ("remove",))
FORWARD: Final = Shape("a forward", (), ("backend", "split", "cutover"))
REDIRECT: Final = Shape("a redirect", (), ("to", "map", "status", "lifetime"))
RESPOND: Final = Shape("a respond", ("status",), ("body", "headers", "xmlrpc_fault"))
FAULT: Final = Shape("a fault", ("code", "text"))
FILES: Final = Shape("a files action", ("directory",), ("path",))

SHAPES: Final = (
    *(FILE, LISTENER, CERTIFICATE, CLIENTS, LIMITS, CACHE_SETTINGS, HOST),
    *(BACKEND, ENDPOINT, TIMEOUTS, BACKEND_TLS, HEALTH, EJECT, BACKEND_LIMITS, DECLARED_REDIRECT, DECLARED_READ),
    *(SPLIT, CUTOVER, PIN, REHEARSED, GATES, GATE_ERRORS, GATE_LATENCY, GATE_DIFFERENCES),
    *(RULE, RULE_LIMITS, MATCH, PATH, PREDICATES, VALUE, WINDOW),
    *(CACHE, VERIFY, SHADOW, FALLBACK, REWRITE, HEADER),
    *(FORWARD, REDIRECT, RESPOND, FAULT, FILES),
)


class Findings:
    """The problems found so far; `sources` are the texts, by name, of files beside the rule file that they quote."""

    def __init__(self, problems: Sequence[Problem] = ()) -> None:
        self.problems = list(problems)
        self.sources: dict[str, str] = {}

    def report(
        self, code: Code, place: Place, message: str, why: str, remedy: str, related: Related | None = None
    ) -> None:
        self.problems.append(Problem(code, place, message, why, remedy, related))

    def report_refusal(self, node: Text, refusal: Refusal) -> None:
        place = node.place_at(refusal.offset)
        self.report(refusal.code, place, refusal.message, refusal.why, refusal.remedy)


def read_table(findings: Findings, node: Node, shape: Shape) -> Mapping[str, Node] | None:
    """The values of a table of this shape by key: those that are there and known."""
    if not isinstance(node, Table):
        report_wrong_type(findings, node, f"{shape.what} is a table of {_listed(shape.keys)}")
        return None
    found = {key.value: value for key, value in node.entries}
    if not found.keys() <= shape.known:
        _report_unknown(findings, node, shape)
        found = {key: value for key, value in found.items() if key in shape.known}
    for missing in shape.required:
        if missing not in found and not _is_misspelt(missing, node, shape):  # which has been told of
            findings.report(
                Code.MISSING_KEY,
                node.place,
                f"{shape.what} needs the key {missing!r}",
                f"{shape.what} has {_listed(shape.required)}.",
                f"add `{missing}:`.",
            )
    return found


def _report_unknown(findings: Findings, node: Table, shape: Shape) -> None:
    for key in _unknown(node, shape):
        findings.report(
            Code.UNKNOWN_KEY,
            key.place,
            f"{shape.what} has no key {key.value!r}",
            "a key that is not understood is not skipped: it may have been what matters.",
            nearest(key.value, shape.keys),
        )


def _is_misspelt(missing: str, node: Table, shape: Shape) -> bool:
    return any(guess_meant(key.value, shape.keys) == missing for key in _unknown(node, shape))


def _unknown(node: Table, shape: Shape) -> list[Text]:
    return [key for key, _ in node.entries if key.value not in shape.known]


def read_fields(findings: Findings, table: Mapping[str, Node], kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """The values of a table by key, each read by its kind: those that could be read."""
    values = {key: read_value(findings, each, kinds[key].read, kinds[key].what) for key, each in table.items()}
    return {key: value for key, value in values.items() if value is not None}


def read_entries(findings: Findings, node: Node, what: str) -> tuple[tuple[Text, Node], ...] | None:
    """The entries of a table whose keys are names that its author chose."""
    if not isinstance(node, Table):
        report_wrong_type(findings, node, what)
        return None
    return node.entries


def read_some_entries(findings: Findings, node: Node, what: str) -> tuple[tuple[Text, Node], ...] | None:
    """The entries of a table that has some, whose keys are names that its author chose."""
    entries = read_entries(findings, node, what)
    if entries == ():
        report_empty_table(findings, node, what)
        return None
    return entries


def report_empty_table(findings: Findings, node: Node, what: str) -> None:
    findings.report(Code.EMPTY_VALUE, node.place, "an empty table", f"{what}.", "put something in, or remove the key.")


def read_items(findings: Findings, node: Node, what: str) -> tuple[Node, ...] | None:
    """The nodes of a list that has some."""
    if not isinstance(node, Items):
        report_wrong_type(findings, node, what)
        return None
    if not node.nodes:
        findings.report(
            Code.EMPTY_VALUE, node.place, "an empty list", f"{what}.", "put something in, or remove the key."
        )
        return None
    return node.nodes


def read_text(findings: Findings, node: Node, what: str) -> Text | None:
    if not isinstance(node, Text):
        report_wrong_type(findings, node, what)
        return None
    if node.value == "" and not node.quoted:
        findings.report(Code.EMPTY_VALUE, node.place, "a value is missing", f"{what}.", "write it, or remove the key.")
        return None
    return node


def read_value(findings: Findings, node: Node, read: Callable[[str], T], what: str) -> T | None:
    """A text as what `read` makes of it."""
    text = read_text(findings, node, what)
    if text is None:
        return None
    try:
        return read(text.value)
    except Refusal as refusal:
        findings.report_refusal(text, refusal)
        return None


def read_set(findings: Findings, node: Node, read: Callable[[str], T], noun: str, what: str) -> frozenset[T] | None:
    """The values of a list whose order does not count; None, when any cannot be read."""
    nodes = read_items(findings, node, what)
    if nodes is None:
        return None
    found = [read_value(findings, each, read, f"it is a {noun}") for each in nodes]
    report_twice(findings, nodes, noun)
    known = frozenset(each for each in found if each is not None)
    return known if None not in found else None


def report_twice(findings: Findings, nodes: Sequence[Node], what: str) -> None:
    """A problem for each text of a list that stands in it before."""
    places: dict[str, Place] = {}
    for node in nodes:
        if not isinstance(node, Text):
            continue
        first = places.setdefault(node.value, node.place)
        if first is not node.place:
            findings.report(
                Code.DUPLICATE_VALUE,
                node.place,
                f"the {what} {node.value} is listed twice",
                "once says the same.",
                "remove one.",
                Related(first, "first listed here"),
            )


def report_wrong_type(findings: Findings, node: Node, what: str) -> None:
    if isinstance(node, Broken):
        return
    if isinstance(node, Text) and kind_of(node) == "nothing":
        findings.report(Code.EMPTY_VALUE, node.place, "a value is missing", f"{what}.", "write it, or remove the key.")
        return
    message = f"{kind_of(node)} where it does not belong"
    findings.report(Code.WRONG_TYPE, node.place, message, f"{what}.", "write it so; rules/README.md has examples.")


def _listed(keys: Sequence[str]) -> str:
    listed = ", ".join(f"`{key}`" for key in keys[:_LISTED_KEYS])
    more = len(keys) - _LISTED_KEYS
    return f"{listed} and {more} more" if more > 0 else listed
