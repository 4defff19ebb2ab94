"""What the JSON Schema says of rules: matches, actions and modifiers."""

from __future__ import annotations

from typing import Final

from edgeproxy.ruleset import shape
from edgeproxy.ruleset.actions import ACTIONS
from edgeproxy.ruleset.matching import Form
from edgeproxy.ruleset.modifiers import Coding, Comparison, Digest, Safety, Trouble, Variant
from edgeproxy.ruleset.schema_forms import (
    ASCII_REGEX,
    AUTHORITY,
    CACHE_KEY_PART,
    COUNT,
    DURATION,
    FIELD_VALUE,
    FILE_NAME,
    FLAG,
    IGNORE,
    INT32,
    LIFETIME,
    METHOD,
    MOMENT,
    NAME,
    NETWORK,
    ONE,
    PARAMETER,
    PATH,
    PERCENTAGE,
    PROTOCOL,
    RATE,
    SIZE,
    SOME,
    TARGET,
    TEXT,
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
    one_of,
    one_or_more,
    parts_need,
    status,
    table,
    text_but,
)
from edgeproxy.ruleset.schema_site import ASKED_FIELD, HEADER_VALUE, QUERY, REDIRECT, WHERE

_CALLS: Final = either(choice("any"), items({**TEXT, "pattern": "^(?!any$)[A-Za-z0-9_.:/]+$"}))
_CASE: Final[Json] = {"type": "string", "minLength": 1, "examples": ["GET https://pypi.test/ -> forward modern"]}
_FIELD_CHANGE: Final = either(FIELD_VALUE, table("header"))
_WINDOW: Final = table("window")

_RULE: Final = TableSchema(
    "rule",
    shape.RULE,
    {
        "name": Key("unique: in metrics, logs and traces", NAME),
        "match": Key("which requests", table("match")),
        "during": Key("when: a window, or windows of which one must be open (always)", one_or_more(_WINDOW)),
        "off": Key("why it takes nothing", text_but("true", "false", "yes", "no", "on", "off", "1", "0")),
        "forward": Key("ask a backend", table("forward")),
        "redirect": Key("send the client elsewhere", table("redirect")),
        "respond": Key("answer", table("respond")),
        "files": Key("answer with a file of a directory", table("files")),
        "limits": Key("what a request may take", table("rule_limits")),
        "upgrade": Key("what its connection may become, as in [websocket]", items(PROTOCOL)),
        "query": Key(
            "which parameters go on: keep, drop, or these (keep)", either(choice("keep", "drop"), items(PARAMETER))
        ),
        "cache": Key("how long answers are kept (as they say themselves)", table("cache")),
        "tags": Key("what kept answers are purged by, over the captures", items(TEXT)),
        "shadow": Key("who else is asked, for comparison", table("shadow")),
        "fallback": Key("who is asked when the first fails", table("fallback")),
        "rewrite": Key("what a backend is asked instead, and headers of the answer", table("rewrite")),
        "safety": Key("whether a request may be repeated (by its method)", choice(*Safety)),
        "expect": Key("cases that `check` holds the rules against", items(_CASE)),
    },
    {
        **one_of(ACTIONS),
        "dependentRequired": {
            "tags": ["cache"],
            **{key: ["forward"] for key in ("upgrade", "shadow", "fallback", "safety")},
        },
        "dependentSchemas": {"cache": any_of(("forward", "files")), "query": any_of(("forward", "redirect"))},
        "allOf": [
            parts_need("limits", ("body", "time"), "forward"),
            parts_need("rewrite", ("path", "host", "headers"), "forward"),
        ],
    },
)

_MATCHES: Final = (
    TableSchema(
        "match",
        shape.MATCH,
        {
            "path": Key(
                "a path template: /simple/{name}/, /packages/{rest*}, {name:REGEX}", either(PATH, table("path"))
            ),
            "host": Key("names of hosts (every one)", one_or_more(NAME)),
            "scheme": Key(
                "how the request came (both)", either(choice("http", "https"), distinct(choice("http", "https")))
            ),
            "methods": Key("as in [GET, HEAD] (every one)", items(METHOD)),
            "where": Key("what captures of the path are, by name (anything)", WHERE),
            "query": Key("what parameters are, by name, decoded (anything)", QUERY),
            "headers": Key("what headers are, by name (anything)", entries(ASKED_FIELD, HEADER_VALUE)),
            "user_agent": Key("what the header User-Agent is (anything)", HEADER_VALUE),
            "client": Key("networks, in one of which the client is (everybody)", items(NETWORK)),
            "xmlrpc": Key("XML-RPC methods, or any", _CALLS),
        },
    ),
    TableSchema(
        "path",
        shape.PATH,
        {
            "regex": Key(
                "RE2, of a whole path; its named groups are captures", {"type": "string", "pattern": "^[ -~]+$"}
            )
        },
    ),
    TableSchema(
        "predicates",
        shape.PREDICATES,
        {
            "normalized": Key("the filter leaves it as it is", choice(*Form)),
            "not_normalized": Key("the filter changes it", choice(*Form)),
            "in": Key("it is one of these", items(TEXT)),
            "not_in": Key("it is none of these", items(TEXT)),
            "matches": Key("this expression (RE2) matches all of it", ASCII_REGEX),
            "not_matches": Key("this expression (RE2) does not match all of it", ASCII_REGEX),
        },
        SOME,
    ),
    TableSchema(
        "value",
        shape.VALUE,
        {
            "regex": Key("this expression (RE2) matches all of it", TEXT),
            "prefix": Key("it begins so", {**TEXT, "minLength": 1}),
            "present": Key("whether there is one", FLAG),
        },
        ONE,
    ),
    TableSchema(
        "window",
        shape.WINDOW,
        {
            "first": Key("so much", WAIT),
            "of_each": Key("of each period, which begin as those of UTC do", WAIT),
            "after": Key("how long after the beginning of each period (0s)", DURATION),
            "from": Key("the first moment (since ever)", MOMENT),
            "until": Key("the first moment that is out again (for ever)", MOMENT),
        },
        {
            **SOME,
            "dependentRequired": {"first": ["of_each"], "of_each": ["first"], "after": ["first", "of_each"]},
        },
    ),
)

_ACTIONS: Final = (
    TableSchema(
        "forward",
        shape.FORWARD,
        {
            "backend": Key("the name of a backend", NAME),
            "split": Key("the name of a split", NAME),
            "cutover": Key("the name of a cutover", NAME),
        },
        ONE,
    ),
    TableSchema(
        "redirect",
        shape.REDIRECT,
        {
            "to": Key("a target template: an absolute URL or path", TARGET),
            "map": Key("a CSV file of paths and targets", FILE_NAME),
            "status": Key("302 while it may change (302)", REDIRECT),
            "lifetime": Key("how long a client may keep it: max-age (not said)", LIFETIME),
        },
        one_of(("to", "map")),
    ),
    TableSchema(
        "respond",
        shape.RESPOND,
        {
            "status": Key("of the answer, 200 to 599 (of a fault 200)", status("2345")),
            "body": Key("a text", TEXT),
            "headers": Key(
                "names and values",
                {
                    "type": "object",
                    "propertyNames": {"pattern": field_name()["pattern"]},
                    "additionalProperties": FIELD_VALUE,
                },
            ),
            "xmlrpc_fault": Key("what clients of XML-RPC raise as an error", table("fault")),
        },
        {
            **any_of(("status", "xmlrpc_fault")),
            "dependentSchemas": {"xmlrpc_fault": {"properties": {"body": False}}},
        },
        required=(),
    ),
    TableSchema(
        "fault",
        shape.FAULT,
        {"code": Key("a whole number of 32 bits, as in -32500", INT32), "text": Key("what went wrong", TEXT)},
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

_MODIFIERS: Final = (
    TableSchema(
        "rule_limits",
        shape.RULE_LIMITS,
        {
            "body": Key("the longest request body", SIZE),
            "time": Key("the longest exchange", WAIT),
            "rate": Key("requests of one client", RATE),
            "burst": Key("how many of them may come at once", COUNT),
        },
        {"dependentRequired": {"burst": ["rate"]}},
    ),
    TableSchema(
        "cache",
        shape.CACHE,
        {
            "fresh": Key("how long what was found is given without asking again (as it says)", DURATION),
            "negative": Key("how long redirects, 404 and their like are (as they say)", DURATION),
            "stale_while_revalidate": Key("how long after that, while it is asked for anew", DURATION),
            "stale_if_error": Key("how long after that, when the backend fails", DURATION),
            "immutable": Key("it never changes: it is not asked for again while it is fresh (false)", FLAG),
            "accept": Key("kinds of content, of which one answer each is kept (by Vary)", distinct(choice(*Variant))),
            "key": Key("query, body, header:NAME: beside method, host and path ([query])", distinct(CACHE_KEY_PART)),
            "tags": Key("what answers are purged by, over the captures", items(TEXT)),
            "verify": Key("the digest that a file must have", table("verify")),
            "compress": Key(
                "codings that answers are given in, the best first, as in [br, gzip]", distinct(choice(*Coding))
            ),
            "share_arms": Key("an answer of one arm may be given to clients of another (false)", FLAG),
            "heed_clients": Key("a client's Cache-Control may ask for a newer answer (false)", FLAG),
        },
    ),
    TableSchema(
        "verify",
        shape.VERIFY,
        {each: Key("hexadecimal digits, made of captures", TEXT) for each in Digest},
        ONE,
    ),
    TableSchema(
        "shadow",
        shape.SHADOW,
        {
            "to": Key("the backend that is sent the copies", NAME),
            "percent": Key("of the requests", PERCENTAGE),
            "compare": Key("how answers are compared (exact)", choice(*Comparison)),
            "ignore": Key("what is not compared, as in header:X-Served-By, json:/info/downloads", distinct(IGNORE)),
        },
    ),
    TableSchema(
        "fallback",
        shape.FALLBACK,
        {
            "to": Key("the backend that is asked then", NAME),
            "on": Key("when: these failures, and statuses from 400", distinct(either(choice(*Trouble), status("45")))),
        },
    ),
    TableSchema(
        "rewrite",
        shape.REWRITE,
        {
            "path": Key("a target template without a query: what is asked for", PATH),
            "host": Key("the Host header that the backend is sent", AUTHORITY),
            "headers": Key("of the request: a value, or {remove: true}", entries(field_name("host"), _FIELD_CHANGE)),
            "answer_headers": Key("of the answer: a value, or {remove: true}", entries(field_name(), _FIELD_CHANGE)),
        },
        SOME,
    ),
    TableSchema("header", shape.HEADER, {"remove": Key("it is taken away", {"enum": [True, "true"]})}),
)

RULES: Final = (_RULE, *_MATCHES, *_ACTIONS, *_MODIFIERS)
