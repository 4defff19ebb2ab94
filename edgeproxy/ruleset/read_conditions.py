"""The conditions of a match: on the query, on headers, on the client, on an XML-RPC call.

Law: names and values are written as they are compared: of a query decoded, of headers as they stand in a request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_plus

from edgeproxy.ruleset.addresses import read_network
from edgeproxy.ruleset.matching import CallIs, ClientIn, Condition, HeaderIs, ParameterIs
from edgeproxy.ruleset.nodes import Node, Text
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Refusal, Related
from edgeproxy.ruleset.read_value_match import ValueKind, read_value_match
from edgeproxy.ruleset.read_where import read_where as read_where  # whoever reads a match's parts finds them here
from edgeproxy.ruleset.regex import read_ascii_regex, read_regex
from edgeproxy.ruleset.shape import Findings, read_items, read_some_entries, read_value, report_twice
from edgeproxy.ruleset.values import read_asked_field_name, read_field_value

_ESCAPE: Final = re.compile("%[0-9A-Fa-f]{2}")
_FIELD_PREFIX: Final = re.compile(r"[\x21-\x7e][\x20-\x7e\t]*")
_CALL: Final = re.compile("[A-Za-z0-9_.:/]+")  # the XML-RPC specification, of methodName
_ANY: Final = "any"
_USER_AGENT: Final = "user-agent"


def read_conditions(findings: Findings, match: Mapping[str, Node]) -> tuple[Condition, ...] | None:
    """All the conditions of a match; None, when any cannot be read."""
    found: list[tuple[Condition, ...] | None] = []
    if "query" in match:
        found.append(read_query_conditions(findings, match["query"]))
    found.append(read_client_conditions(findings, match))
    if "xmlrpc" in match:
        found.append(_read_call(findings, match["xmlrpc"]))
    known = [each for each in found if each is not None]
    return tuple(condition for each in known for condition in each) if len(known) == len(found) else None


def read_client_conditions(findings: Findings, table: Mapping[str, Node]) -> tuple[HeaderIs | ClientIn, ...] | None:
    """Those of `user_agent`, `client` and `headers`, which tell clients apart; None, when any cannot be read."""
    found: list[tuple[HeaderIs | ClientIn, ...] | None] = []
    if "headers" in table:
        found.append(_read_header_conditions(findings, table["headers"], table.get("user_agent")))
    if "user_agent" in table:
        found.append(_read_user_agent(findings, table["user_agent"]))
    if "client" in table:
        found.append(_read_client(findings, table["client"]))
    known = [each for each in found if each is not None]
    return tuple(condition for each in known for condition in each) if len(known) == len(found) else None


def read_query_conditions(findings: Findings, node: Node) -> tuple[ParameterIs, ...] | None:
    """The conditions on query parameters; None, when any cannot be read."""
    entries = read_some_entries(findings, node, "`query` of a match is a table of parameters, each with its value")
    if entries is None:
        return None
    conditions: list[ParameterIs] = []
    for key, value in entries:
        name = read_value(findings, key, read_parameter_text, "it is the name of a parameter")
        wanted = read_value_match(findings, value, _PARAMETER)
        if name is not None and wanted is not None:
            conditions.append(ParameterIs(name, wanted))
    return tuple(conditions) if len(conditions) == len(entries) else None


def read_parameter_text(text: str) -> str:
    """The name or value of a query parameter, decoded."""
    if not _ESCAPE.search(text):
        return text
    raise Refusal(
        Code.BAD_VALUE,
        f"{text!r} is percent-encoded",
        "names and values of a query are compared decoded.",
        f"write {unquote_plus(text)!r}.",
    )


def _read_header_conditions(findings: Findings, node: Node, user_agent: Node | None) -> tuple[HeaderIs, ...] | None:
    entries = read_some_entries(findings, node, "`headers` of a match is a table of names, each with its value")
    if entries is None:
        return None
    conditions: list[HeaderIs] = []
    places: dict[str, Place] = {} if user_agent is None else {_USER_AGENT: user_agent.place}
    for key, value in entries:
        name = _read_header_name(findings, key, places)
        wanted = read_value_match(findings, value, _HEADER)
        if name is not None and wanted is not None:
            conditions.append(HeaderIs(name, wanted))
    return tuple(conditions) if len(conditions) == len(entries) else None


def _read_header_name(findings: Findings, key: Text, places: dict[str, Place]) -> str | None:
    name = read_value(findings, key, read_asked_field_name, "it is a header name")
    if name is None:
        return None
    first = places.setdefault(name, key.place)
    if first is key.place:
        return name
    findings.report(
        Code.DUPLICATE_KEY,
        key.place,
        f"the header {key.value} is given twice",
        "header names are not case-sensitive (RFC 9110 §5.1).",
        "keep one.",
        Related(first, "first given here"),
    )
    return None


def _read_user_agent(findings: Findings, node: Node) -> tuple[HeaderIs, ...] | None:
    wanted = read_value_match(findings, node, _HEADER)
    return None if wanted is None else (HeaderIs(_USER_AGENT, wanted),)


def _read_client(findings: Findings, node: Node) -> tuple[ClientIn, ...] | None:
    nodes = read_items(findings, node, '`client` is a list of networks, as in [10.0.0.0/8, "2001:db8::/32"]')
    if nodes is None:
        return None
    found = [read_value(findings, each, read_network, "it is a network") for each in nodes]
    report_twice(findings, nodes, "network")
    known = tuple(network for network in found if network is not None)
    return (ClientIn(known),) if len(known) == len(found) else None


def _read_call(findings: Findings, node: Node) -> tuple[CallIs, ...] | None:
    if isinstance(node, Text) and node.value == _ANY:
        return (CallIs(None),)
    nodes = read_items(findings, node, "`xmlrpc` is a list of XML-RPC methods, or the word any")
    if nodes is None:
        return None
    found = [read_value(findings, each, _read_call_name, "it is an XML-RPC method") for each in nodes]
    report_twice(findings, nodes, "XML-RPC method")
    known = frozenset(each for each in found if each is not None)
    return None if None in found else (CallIs(known),)


def _read_call_name(text: str) -> str:
    if not _CALL.fullmatch(text):
        raise Refusal(
            Code.BAD_METHOD,
            f"{text!r} is not an XML-RPC method",
            "its name has letters, digits, underscores, dots, colons and slashes.",
            "write it as in package_releases.",
        )
    if text == _ANY:
        raise Refusal(
            Code.BAD_METHOD,
            "the word any in a list of XML-RPC methods",
            "it stands for every method, and so alone.",
            "write xmlrpc: any.",
        )
    return text


def _read_field_prefix(text: str) -> str:
    if not _FIELD_PREFIX.fullmatch(text):
        raise Refusal(
            Code.BAD_HEADER,
            f"no header's value begins with {text!r}",
            "a value is visible ASCII with spaces and tabs inside (RFC 9110 §5.5).",
            "remove spaces at the beginning, line ends and other characters.",
        )
    return text


_PARAMETER: Final = ValueKind(read_parameter_text, read_parameter_text, read_regex)
_HEADER: Final = ValueKind(
    read_field_value,
    _read_field_prefix,
    lambda text: read_ascii_regex(text, "headers are matched as ASCII.", "write . for a character that is not."),
)
