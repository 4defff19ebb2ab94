"""What the JSON Schema says of what stands before the rules: listeners, limits, hosts, backends, splits, cutovers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from edgeproxy.http.redirection import REDIRECTS
from edgeproxy.http.request import ARM
from edgeproxy.ruleset import quantities, shape
from edgeproxy.ruleset.arms import OnFail, Side
from edgeproxy.ruleset.include import LANGUAGE_VERSION
from edgeproxy.ruleset.limits import DEFAULT_LIMITS
from edgeproxy.ruleset.quantities import written_duration, written_size
from edgeproxy.ruleset.read_cache_settings import LEAST
from edgeproxy.ruleset.read_limits import KINDS
from edgeproxy.ruleset.schema_forms import (
    ADDRESS,
    AUTHORITY,
    CAPACITY,
    COUNT,
    DURATION,
    FIELD_VALUE,
    FILE_NAME,
    FLAG,
    LIFETIME,
    METHOD,
    NAME,
    NETWORK,
    NUMBER,
    PARAMETER,
    PATH,
    PERCENTAGE,
    RATIO,
    SHARE,
    SIZE,
    STEP,
    STICKY_KEY,
    TARGET,
    TEXT,
    URL,
    WAIT,
    Json,
    Key,
    TableSchema,
    any_of,
    choice,
    distinct,
    either,
    entries,
    field_name,
    items,
    names,
    one_of,
    one_status,
    table,
)

REDIRECT: Final = one_status(*sorted(REDIRECTS))
ASKED_FIELD: Final = field_name("host", ARM, edges_own=False)
WHERE: Final = entries({"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}, table("predicates"))
QUERY: Final = entries(PARAMETER, either(PARAMETER, items(PARAMETER), table("value")))
HEADER_VALUE: Final = either(FIELD_VALUE, items(FIELD_VALUE), table("value"))
_STICKY: Final = Key("by what a client is known: header:NAME, cookie:NAME, client", distinct(STICKY_KEY))
_PEM: Final = Key("a PEM file", FILE_NAME)
_READERS: Final[Mapping[Callable[[str], object], Json]] = {
    quantities.read_wait: WAIT,
    quantities.read_duration: DURATION,
    quantities.read_tick: WAIT,
    quantities.read_size: SIZE,
    quantities.read_capacity: CAPACITY,
    quantities.read_count: COUNT,
    quantities.read_number: NUMBER,
}


def _limits() -> Mapping[str, Key]:
    def written(name: str, form: Json) -> str:
        default = getattr(DEFAULT_LIMITS, name)
        if form in (WAIT, DURATION):
            return written_duration(default)
        return written_size(default) if form in (SIZE, CAPACITY) else default

    forms = {name: _READERS[kind.read] for name, kind in KINDS.items()}
    return {name: Key(f"{written(name, form)} when it is not given", form) for name, form in forms.items()}


def _at_least(key: str) -> Json:
    """Of a size that is written as a number of octets."""
    return {**CAPACITY, "minimum": LEAST[key]}


SITE: Final = (
    TableSchema(
        "file",
        shape.FILE,
        {
            "edge": Key("the version of the rule language", {"enum": [int(LANGUAGE_VERSION), LANGUAGE_VERSION]}),
            "include": Key("rule files that belong to this one, relative to it", items(TEXT)),
            "listen": Key("where the edge accepts requests", items(table("listener"))),
            "trusted_proxies": Key(
                "networks whose word on the client is believed, or `unix`", items(either(NETWORK, choice("unix")))
            ),
            "limits": Key("how much and how long, for everything without a limit of its own", table("limits")),
            "cache": Key("where answers are kept, and how much of them", table("cache_settings")),
            "arm_token": Key("a file whose first line lets clients choose their arm by Edge-Arm (none)", FILE_NAME),
            "hosts": Key("whom the edge answers for, by name", names(table("host"))),
            "backends": Key("whom the edge may ask, by name", names(table("backend"))),
            "splits": Key("fixed weights between backends, by name", names(table("split"))),
            "cutovers": Key("moving splits: steps, each held by gates, by name", names(table("cutover"))),
            "rules": Key("what is done with a request: the first rule that matches", items(table("rule"))),
        },
        required=("edge",),  # what else is needed may be in a file that it includes, or that includes it
    ),
    TableSchema(
        "listener",
        shape.LISTENER,
        {
            "address": Key("an IP address and a port, or unix:PATH", ADDRESS),
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
        "cache_settings",
        shape.CACHE_SETTINGS,
        {
            "memory": Key("octets of each worker, 1MiB or more (64MiB)", _at_least("memory")),
            "directory": Key("where all workers keep answers on disk (nowhere)", TEXT),
            "disk": Key("octets of it, 16MiB or more (10GiB)", _at_least("disk")),
            "largest": Key("the largest answer that is kept, 64KiB or more (1GiB, or the disk)", _at_least("largest")),
            "purge_token": Key("a file whose first line lets clients purge (none)", FILE_NAME),
        },
        {"dependentRequired": {"disk": ["directory"]}},
    ),
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
            "urls": Key("several places of one service", items(either(URL, table("endpoint")))),
            "directory": Key("files that are answers", TEXT),
            "host": Key("the Host header that the backend is sent", AUTHORITY),
            "timeouts": Key("how long it is waited for", table("timeouts")),
            "tls": Key("TLS to an https URL, always verified", table("backend_tls")),
            "health": Key("active checks of each endpoint", table("health")),
            "eject": Key("an endpoint that fails gets no requests for a while", table("eject")),
            "limits": Key("what one worker puts on it at most", table("backend_limits")),
            "slow_start": Key("how long an endpoint that came back takes to its whole share (0s)", DURATION),
            "redirects": Key("redirects that it gives, for the checker", items(table("declared_redirect"))),
            "reads": Key("what it looks at, for the checker", items(table("declared_read"))),
        },
        {**one_of(("url", "urls", "directory")), "dependentSchemas": {"directory": {"maxProperties": 1}}},
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
            "connect": Key("until the connection stands, and for a free one (3s)", WAIT),
            "head": Key("from the request's end to the end of the answer's head (60s)", WAIT),
            "between": Key("between two reads or writes of a body (15s)", WAIT),
            "total": Key("from the request's head to the answer's last octet (1h)", WAIT),
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
            "interval": Key("how often (3s)", WAIT),
            "timeout": Key("how long an answer may take (2s)", WAIT),
            "healthy": Key("successes in a row that bring an endpoint back (2)", COUNT),
            "unhealthy": Key("failures in a row that take it out (3)", COUNT),
        },
    ),
    TableSchema(
        "eject",
        shape.EJECT,
        {
            "failures": Key("in a row (5)", COUNT),
            "period": Key("how long it then gets no requests, doubled each time (10s)", WAIT),
            "most": Key("up to this (5m)", WAIT),
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
        "declared_redirect",
        shape.DECLARED_REDIRECT,
        {
            "path": Key("a path template: of what the backend is asked for", PATH),
            "to": Key("a target template; a name that `path` does not capture is the backend's to choose", TARGET),
            "status": Key("of the redirect (302)", REDIRECT),
            "lifetime": Key("how long a client may keep it (not said)", LIFETIME),
            "methods": Key("for which, as in [GET, HEAD] (every one)", items(METHOD)),
            "where": Key("what captures of the path are, by name (anything)", WHERE),
            "query": Key("what parameters are, by name (anything)", QUERY),
        },
    ),
    TableSchema(
        "declared_read",
        shape.DECLARED_READ,
        {
            "path": Key("a path template: of what the backend is asked for", PATH),
            "query": Key("the parameters that it looks at", items(PARAMETER)),
            "methods": Key("those that must come through", items(METHOD)),
            "headers": Key("the headers that it looks at", items(ASKED_FIELD)),
        },
        any_of(("query", "methods", "headers")),
    ),
    TableSchema(
        "split",
        shape.SPLIT,
        {"weights": Key("percentages by backend, which add up to 100", names(SHARE)), "sticky": _STICKY},
    ),
    TableSchema(
        "cutover",
        shape.CUTOVER,
        {
            "from": Key("the backend of the old arm", NAME),
            "to": Key("the backend of the new arm", NAME),
            "steps": Key("percentages of the new arm, upwards, the last 100", items(STEP)),
            "hold": Key("the least time on a step", DURATION),
            "sticky": _STICKY,
            "gates": Key("what must hold for the next step", table("gates")),
            "on_fail": Key("when a gate fails (rollback)", choice(*OnFail)),
            "pin": Key("clients that are on one arm whatever the share: the first that fits", items(table("pin"))),
            "rehearsed": Key(
                "clients are moved only by rules that `edgeproxy rehearse` has passed", table("rehearsed")
            ),
        },
    ),
    TableSchema(
        "pin",
        shape.PIN,
        {
            "arm": Key("on which", choice(*Side)),
            "user_agent": Key("what the header User-Agent is (anything)", HEADER_VALUE),
            "client": Key("networks, in one of which the client is (everybody)", items(NETWORK)),
            "headers": Key("what headers are, by name (anything)", entries(ASKED_FIELD, HEADER_VALUE)),
        },
        any_of(("user_agent", "client", "headers")),
    ),
    TableSchema(
        "rehearsed",
        shape.REHEARSED,
        {"within": Key("how old the rehearsal may be", WAIT)},
    ),
    TableSchema(
        "gates",
        shape.GATES,
        {
            "errors": Key("5xx and timeouts of the new arm against the old one's", table("gate_errors")),
            "latency": Key("of the new arm against the old one's", table("gate_latency")),
            "differences": Key("between answers, by shadows", table("gate_differences")),
        },
    ),
    TableSchema(
        "gate_errors",
        shape.GATE_ERRORS,
        {"worse_by": Key("the share of failures may be so much above the old arm's", PERCENTAGE)},
    ),
    TableSchema(
        "gate_latency",
        shape.GATE_LATENCY,
        {"p95_ratio": Key("the 95th percentile may be so many times the old arm's", RATIO)},
    ),
    TableSchema(
        "gate_differences",
        shape.GATE_DIFFERENCES,
        {"at_most": Key("this share of shadows' answers may differ, noise taken off", PERCENTAGE)},
    ),
)
