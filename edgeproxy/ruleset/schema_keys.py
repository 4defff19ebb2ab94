"""What the JSON Schema says of each key: a description and the form of its value.

A rule file's texts are texts whatever YAML takes them for: `8080` and `true` come to a schema as a number and a
boolean. So the forms here take both spellings; a `pattern` is looked at for strings only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from edgeproxy.ruleset import quantities, shape
from edgeproxy.ruleset.actions import ACTIONS
from edgeproxy.ruleset.include import LANGUAGE_VERSION
from edgeproxy.ruleset.limits import DEFAULT_LIMITS
from edgeproxy.ruleset.quantities import written_duration, written_size
from edgeproxy.ruleset.read_limits import KINDS
from edgeproxy.ruleset.shape import Shape

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    says: str
    value: Json


@dataclass(frozen=True, slots=True)
class TableSchema:
    """A Shape with its keys; `further` is what holds of the table as a whole."""

    name: str
    shape: Shape
    keys: Mapping[str, Key]
    further: Json = field(default_factory=dict)


# -- forms of values ----------------------------------------------------------------------------------------------

TEXT: Final[Json] = {"type": ["string", "number", "boolean"]}
_NAME: Final = "^[A-Za-z0-9][A-Za-z0-9._-]*$"
NAME: Final[Json] = {**TEXT, "pattern": _NAME}
NUMBER: Final[Json] = {"type": ["integer", "string"], "minimum": 0, "maximum": 999_999_999, "pattern": "^[0-9]{1,9}$"}
COUNT: Final[Json] = {**NUMBER, "minimum": 1}
DURATION: Final[Json] = {"type": "string", "pattern": "^[0-9]{1,9}(ms|s|m|h|d)$", "examples": ["500ms", "30s", "1h"]}
SIZE: Final[Json] = {
    "type": ["integer", "string"],
    "minimum": 0,
    "pattern": "^[0-9]{1,15}(KiB|MiB|GiB)?$",
    "examples": ["32KiB", "1GiB"],
}
RATE: Final[Json] = {"type": "string", "pattern": "^[0-9]{1,9}/[smh]$", "examples": ["10/s"]}
PERCENTAGE: Final[Json] = {
    "type": ["number", "string"],
    "minimum": 0,
    "maximum": 100,
    "pattern": r"^[0-9]{1,3}(\.[0-9]{1,3})?$",
}
FLAG: Final[Json] = {"enum": [True, False, "true", "false"]}
PATH: Final[Json] = {"type": "string", "pattern": "^/"}
URL: Final[Json] = {"type": "string", "pattern": "^(https?://|unix:)"}


def choice(*values: str) -> Json:
    return {"enum": list(values)}


def status(*values: int) -> Json:
    """One of these; none given: any status of an answer."""
    known = values or range(200, 600)
    return {"anyOf": [{"type": "integer", "enum": list(known)}, {"enum": [str(value) for value in known]}]}


def items(value: Json) -> Json:
    return {"type": "array", "items": value, "minItems": 1}


def one_or_more(value: Json) -> Json:
    return {"anyOf": [value, items(value)]}


def names(value: Json) -> Json:
    """A table of names that its author chose."""
    return {
        "type": "object",
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": value,
        "minProperties": 1,
    }


def table(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def one_of(keys: Sequence[str]) -> Json:
    return {"oneOf": [{"required": [key]} for key in keys]}


# -- keys ---------------------------------------------------------------------------------------------------------

_PEM: Final = Key("a PEM file", {"type": "string", "minLength": 1})
_READERS: Final[Mapping[Callable[[str], object], Json]] = {
    quantities.read_wait: DURATION,
    quantities.read_duration: DURATION,
    quantities.read_tick: DURATION,
    quantities.read_size: SIZE,
    quantities.read_capacity: SIZE,
    quantities.read_count: COUNT,
    quantities.read_number: NUMBER,
}


def _limits() -> Mapping[str, Key]:
    def written(name: str, form: Json) -> str:
        default = getattr(DEFAULT_LIMITS, name)
        return written_duration(default) if form is DURATION else written_size(default) if form is SIZE else default

    forms = {name: _READERS[kind.read] for name, kind in KINDS.items()}
    return {name: Key(f"{written(name, form)} when it is not given", form) for name, form in forms.items()}


TABLES: Final = (
    TableSchema(
        "file",
        shape.FILE,
        {
            "edge": Key("the version of the rule language", {"enum": [int(LANGUAGE_VERSION), LANGUAGE_VERSION]}),
            "include": Key("rule files that belong to this one, relative to it", items(TEXT)),
            "listen": Key("where the edge accepts requests", items(table("listener"))),
            "trusted_proxies": Key("networks whose word on the client is believed, or `unix`", items(TEXT)),
            "limits": Key("how much and how long, for everything without a limit of its own", table("limits")),
            "hosts": Key("whom the edge answers for, by name", names(table("host"))),
            "backends": Key("whom the edge may ask, by name", names(table("backend"))),
            "splits": Key("fixed weights between backends, by name", names(table("split"))),
            "rules": Key("what is done with a request: the first rule that matches", items(table("rule"))),
        },
    ),
    TableSchema(
        "listener",
        shape.LISTENER,
        {
            "address": Key("an IP address and a port, or unix:PATH", TEXT),
            "tls": Key("certificates, chosen by SNI", items(table("certificate"))),
            "clients": Key("mutual TLS", table("clients")),
            "proxy_protocol": Key("connections of trusted proxies begin with a PROXY header", FLAG),
        },
    ),
    TableSchema("certificate", shape.CERTIFICATE, {"cert": _PEM, "key": _PEM}),
    TableSchema(
        "clients",
        shape.CLIENTS,
        {
            "ca": Key("who signs clients' certificates: a PEM file", _PEM.value),
            "required": Key("no client comes in without a certificate (true)", FLAG),
        },
    ),
    TableSchema("limits", shape.LIMITS, _limits()),
    TableSchema(
        "host",
        shape.HOST,
        {
            "names": Key("host names, without port", items(TEXT)),
            "kind": Key("`content` serves user-uploaded bytes and nothing else (app)", choice("app", "content")),
        },
    ),
    TableSchema(
        "backend",
        shape.BACKEND,
        {
            "url": Key("http://host[:port], https://host[:port] or unix:path", URL),
            "urls": Key("several places of one service", items({"anyOf": [URL, table("endpoint")]})),
            "directory": Key("files that are answers", TEXT),
            "host": Key("the Host header that the backend is sent", TEXT),
            "timeouts": Key("how long it is waited for", table("timeouts")),
            "tls": Key("TLS to an https URL, always verified", table("backend_tls")),
            "health": Key("active checks of each endpoint", table("health")),
            "eject": Key("an endpoint that fails gets no requests for a while", table("eject")),
            "limits": Key("what one worker puts on it at most", table("backend_limits")),
            "slow_start": Key("how long an endpoint that came back takes to its whole share (0s)", DURATION),
        },
        one_of(("url", "urls", "directory")),
    ),
    TableSchema(
        "endpoint",
        shape.ENDPOINT,
        {
            "url": Key("where it is", URL),
            "weight": Key("its share beside the others' (1)", {**COUNT, "maximum": 1_000}),
        },
    ),
    TableSchema(
        "timeouts",
        shape.TIMEOUTS,
        {
            "connect": Key("until the connection stands, and for a free one (3s)", DURATION),
            "head": Key("from the request's end to the end of the answer's head (60s)", DURATION),
            "between": Key("between two reads or writes of a body (15s)", DURATION),
            "total": Key("from the request's head to the answer's last octet (1h)", DURATION),
        },
    ),
    TableSchema(
        "backend_tls",
        shape.BACKEND_TLS,
        {
            "ca": Key("who signs its certificate: a PEM file", _PEM.value),
            "name": Key("what its certificate must be for, and the SNI", TEXT),
            "cert": Key("the edge's own certificate, when it asks for one", _PEM.value),
            "key": Key("and its key", _PEM.value),
        },
    ),
    TableSchema(
        "health",
        shape.HEALTH,
        {
            "path": Key("what each endpoint is asked for", PATH),
            "interval": Key("how often (3s)", DURATION),
            "timeout": Key("how long an answer may take (2s)", DURATION),
            "healthy": Key("successes in a row that bring an endpoint back (2)", COUNT),
            "unhealthy": Key("failures in a row that take it out (3)", COUNT),
        },
    ),
    TableSchema(
        "eject",
        shape.EJECT,
        {
            "failures": Key("in a row (5)", COUNT),
            "period": Key("how long it then gets no requests, doubled each time (10s)", DURATION),
            "most": Key("up to this (5m)", DURATION),
        },
    ),
    TableSchema(
        "backend_limits",
        shape.BACKEND_LIMITS,
        {
            "connections": Key("open, tunnels included (1024)", COUNT),
            "pending": Key("requests that wait for a connection (1024)", NUMBER),
            "retries": Key("at once (16)", NUMBER),
        },
    ),
    TableSchema(
        "split",
        shape.SPLIT,
        {
            "weights": Key("percentages by backend, which add up to 100", names(PERCENTAGE)),
            "sticky": Key(
                "by what a client is known: header:NAME, cookie:NAME, client",
                items({"type": "string", "pattern": "^(client|(header|cookie):.+)$"}),
            ),
        },
    ),
    TableSchema(
        "rule",
        shape.RULE,
        {
            "name": Key("unique: in metrics, logs and traces", NAME),
            "match": Key("which requests", table("match")),
            "forward": Key("ask a backend", table("forward")),
            "redirect": Key("send the client elsewhere", table("redirect")),
            "respond": Key("answer", table("respond")),
            "files": Key("answer with a file of a directory", table("files")),
            "limits": Key("what a request may take", table("rule_limits")),
            "upgrade": Key("what its connection may become, as in [websocket]", items(TEXT)),
        },
        one_of(ACTIONS),
    ),
    TableSchema(
        "rule_limits",
        shape.RULE_LIMITS,
        {
            "body": Key("the longest request body", SIZE),
            "time": Key("the longest exchange", DURATION),
            "rate": Key("requests of one client", RATE),
            "burst": Key("how many of them may come at once", COUNT),
        },
    ),
    TableSchema(
        "match",
        shape.MATCH,
        {
            "path": Key("a path template: /simple/{name}/, /packages/{rest*}, {name:REGEX}", PATH),
            "host": Key("names of hosts (every one)", one_or_more(NAME)),
            "scheme": Key("how the request came (both)", one_or_more(choice("http", "https"))),
            "methods": Key("as in [GET, HEAD] (every one)", items(TEXT)),
        },
    ),
    TableSchema(
        "forward",
        shape.FORWARD,
        {
            "backend": Key("the name of a backend", NAME),
            "split": Key("the name of a split", NAME),
        },
        {"minProperties": 1},
    ),
    TableSchema(
        "redirect",
        shape.REDIRECT,
        {
            "to": Key("a target template: an absolute URL or path", {"type": "string", "pattern": "^(/|https?://)"}),
            "status": Key("302 while it may change (302)", status(301, 302, 303, 307, 308)),
            "lifetime": Key("how long a client may keep it: max-age", DURATION),
        },
    ),
    TableSchema(
        "respond",
        shape.RESPOND,
        {
            "status": Key("of the answer, 200 to 599", status()),
            "body": Key("a text", TEXT),
            "headers": Key("names and values", {"type": "object", "additionalProperties": TEXT}),
        },
    ),
    TableSchema(
        "files",
        shape.FILES,
        {
            "directory": Key("where they are", TEXT),
            "path": Key("a path template below it, over the captures (the request's path)", PATH),
        },
    ),
)
