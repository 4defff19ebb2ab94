"""`xmlrpc_fault` of a respond: an answer that clients of XML-RPC raise as an error with this code and text.

The XML is made once, here. A fault is an answer like any other to HTTP: its status is 200 (http://xmlrpc.com/spec.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final
from xml.sax.saxutils import escape

from edgeproxy.ruleset.model import Fault, Respond
from edgeproxy.ruleset.nodes import Node
from edgeproxy.ruleset.problems import Code, Refusal, Related
from edgeproxy.ruleset.shape import FAULT, RESPOND, Findings, read_table, read_value
from edgeproxy.ruleset.values import read_status

WITHOUT_BODY: Final = (204, 205, 304)  # RFC 9110 §15.3.5, §15.3.6, §15.4.5
_RESPOND: Final = replace(RESPOND, required=(), optional=RESPOND.keys)
_DEFAULT_STATUS: Final = 200
_TYPE: Final = ("Content-Type", "text/xml")
_INTEGER: Final = re.compile("-?[0-9]{1,10}")
_NOT_OF_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2, Char
# A parser takes a carriage return for the end of a line, unless it is written as a reference (XML 1.0 §2.11).
_REFERENCES: Final = {"\r": "&#13;"}


def read_fault_answer(
    findings: Findings, node: Node, read_headers: Callable[[Node], tuple[tuple[str, str], ...]]
) -> Respond | None:
    """A respond that has an `xmlrpc_fault`."""
    table = read_table(findings, node, _RESPOND) or {}
    status: int | None = _DEFAULT_STATUS
    if "status" in table:
        status = read_value(findings, table["status"], read_status, "it is a status")
    if status in WITHOUT_BODY:
        findings.report(
            Code.BAD_BODY,
            table["xmlrpc_fault"].place,
            f"a fault with status {status}",
            "a fault is a body, and an answer with this status has none (RFC 9110 §15).",
            f"remove the status: it is {_DEFAULT_STATUS} then, as clients expect it.",
            Related(table["status"].place, "the status is given here"),
        )
    if "body" in table:
        findings.report(
            Code.CONFLICTING_KEYS,
            table["body"].place,
            "a `body` beside a fault",
            "the body is the XML of the fault, which the edge makes.",
            "remove one of the two.",
        )
    headers = read_headers(table["headers"]) if "headers" in table else ()
    _check_type(findings, headers, table)
    fault = _read_fault(findings, table["xmlrpc_fault"])
    return None if fault is None or status is None else Respond(status, (_TYPE, *headers), written_fault(fault), fault)


def written_fault(fault: Fault) -> bytes:
    """The XML of a fault."""
    text = escape(fault.text, _REFERENCES)
    members = (
        f"<member><name>faultCode</name><value><int>{fault.code}</int></value></member>\n"
        f"<member><name>faultString</name><value><string>{text}</string></value></member>\n"
    )
    xml = (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f"<methodResponse>\n<fault>\n<value><struct>\n{members}</struct></value>\n</fault>\n</methodResponse>\n"
    )
    return xml.encode()


def _check_type(findings: Findings, headers: tuple[tuple[str, str], ...], table: Mapping[str, Node]) -> None:
    if any(name.lower() == _TYPE[0].lower() for name, _ in headers):
        findings.report(
            Code.CONFLICTING_KEYS,
            table["headers"].place,
            "a Content-Type beside a fault",
            f"a fault is {_TYPE[1]}, and the edge says so.",
            "remove the header.",
        )


def _read_fault(findings: Findings, node: Node) -> Fault | None:
    table = read_table(findings, node, FAULT) or {}
    code = read_value(findings, table["code"], _read_code, "it is a whole number") if "code" in table else None
    text = read_value(findings, table["text"], _read_text, "it is a text") if "text" in table else None
    return None if code is None or text is None else Fault(code, text)


def _read_code(text: str) -> int:
    if not _INTEGER.fullmatch(text) or not -(1 << 31) <= int(text) < 1 << 31:
        raise Refusal(
            Code.BAD_FAULT,
            f"{text!r} is not the code of a fault",
            "a code is a whole number of 32 bits, with or without a minus.",
            "write it as in -32500.",
        )
    return int(text)


def _read_text(text: str) -> str:
    found = _NOT_OF_XML.search(text)
    if found is not None:
        raise Refusal(
            Code.BAD_FAULT,
            f"{found[0]!r} in the text of a fault",
            "XML has no way to write it (XML 1.0 §2.2).",
            "leave it out.",
            found.start(),
        )
    return text
