"""Rows of a surface: requests, and what their answers must be, as read from a YAML file.

A row's keys:
  facts     the section that it is from
  ask       METHOD and target, written to the wire as it is
  send      headers to send, a list is a line for each; `form`: fields of a form, `parts`: of a multipart one;
            `call`: method and arguments of an XML-RPC call; `text`: the body itself
  status    and optionally the reason phrase; a regular expression for that if there is a `~` before the status
  headers   name to value; `~…` is a regular expression for all of it, null that it must not be there
  body      exact; `has`, `lacks`: parts; `matches`: a regular expression for all of it
  json      dotted path to value; the path `.` is the document, and {keys: […]} means just these keys
  returns   what a call must return, `faults`: its code and text (`~…` as in headers)

`$name` in any text is a value of the world that the site is over; `$$` is a dollar.
"""

from __future__ import annotations

import json
import re
import xmlrpc.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlencode

import yaml

KEYS = frozenset(
    ["facts", "ask", "send", "form", "parts", "call", "text", "status", "headers", "body", "has", "lacks", "matches", "json", "returns", "faults"]
)  # fmt: skip


@dataclass(frozen=True)
class Ask:
    method: str
    target: str
    headers: Mapping[str, str | list[str]]
    body: bytes


@dataclass(frozen=True)
class Got:
    status: int
    reason: str
    headers: Mapping[str, str]  # lower-case names
    body: bytes


@dataclass(frozen=True)
class Row:
    facts: str
    said: Mapping[str, Any]

    def __str__(self) -> str:
        calls = self.said.get("call")
        return f"{self.facts} {self.said['ask']}{f' {calls}' if calls else ''}"[:120]


def read_rows(file: Path) -> list[Row]:
    rows = [Row(str(said["facts"]), said) for said in yaml.safe_load(file.read_text())]
    for row in rows:
        unknown = set(row.said) - KEYS
        assert not unknown, f"{row}: nobody knows {sorted(unknown)}"
    return rows


def ask_of(row: Row, world: Mapping[str, str]) -> Ask:
    said = _filled(row.said, world)
    method, _, target = said["ask"].partition(" ")
    headers: dict[str, str | list[str]] = {
        name: list(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in said.get("send", {}).items()
    }
    if "call" in said:
        name, *arguments = said["call"]
        headers.setdefault("Content-Type", "text/xml")
        return Ask(method, target, headers, xmlrpc.client.dumps(tuple(arguments), name, allow_none=True).encode())
    if "form" in said:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        return Ask(method, target, headers, urlencode(said["form"], doseq=True).encode())
    if "parts" in said:
        headers.setdefault("Content-Type", "multipart/form-data; boundary=part")
        return Ask(method, target, headers, _multipart(said["parts"]))
    return Ask(method, target, headers, said.get("text", "").encode())


def _multipart(parts: Mapping[str, Any]) -> bytes:
    """As distutils writes it. What is given as `FILENAME|text` is a file."""
    body = ""
    for name, value in parts.items():
        filename, is_file, text = str(value).rpartition("|")
        body += f'--part\r\nContent-Disposition: form-data; name="{name}"'
        body += f'; filename="{filename}"\r\n\r\n{text}\r\n' if is_file else f"\r\n\r\n{text}\r\n"
    return f"{body}--part--\r\n".encode()


def differences(row: Row, world: Mapping[str, str], got: Got) -> Iterator[str]:
    """Each thing in which an answer is not what the row says."""
    said = _filled(row.said, world)
    status, _, reason = str(said["status"]).partition(" ")
    is_regular = status.startswith("~")
    if got.status != int(status.removeprefix("~")) or (reason and not _is_like(got.reason, "~" * is_regular + reason)):
        yield f"status is {got.status} {got.reason}, not {said['status']}"
    for name, value in said.get("headers", {}).items():
        if not _is_like(got.headers.get(name.lower()), value):
            yield f"{name} is {got.headers.get(name.lower())!r}, not {value!r}"
    text = got.body.decode(errors="replace")
    if "body" in said and text != said["body"]:
        yield f"body is {text[:300]!r}, not {said['body']!r}"
    yield from (f"body has no {part!r}: {text[:1500]!r}" for part in said.get("has", ()) if part not in text)
    yield from (f"body has {part!r}: {text[:1500]!r}" for part in said.get("lacks", ()) if part in text)
    if "matches" in said and not re.fullmatch(said["matches"], text, re.DOTALL):
        yield f"body does not match {said['matches']!r}: {text[:1500]!r}"
    if "json" in said:
        yield from _json_differences(json.loads(text), said["json"])
    if "returns" in said or "faults" in said:
        yield from _call_differences(got.body, said)


def _json_differences(document: Any, said: Mapping[str, Any]) -> Iterator[str]:
    for path, value in said.items():
        found = document
        for part in path.split(".") if path != "." else ():
            found = found[int(part)] if isinstance(found, list) else found[part.replace("·", ".")]
        if isinstance(value, Mapping) and set(value) == {"keys"}:
            if sorted(found) != sorted(value["keys"]):
                yield f"{path} has the keys {sorted(found)}, not {sorted(value['keys'])}"
        elif found != value:
            yield f"{path} is {found!r}, not {value!r}"


def _call_differences(body: bytes, said: Mapping[str, Any]) -> Iterator[str]:
    try:
        ((returned,), _) = xmlrpc.client.loads(body, use_builtin_types=True)
    except xmlrpc.client.Fault as fault:
        code, text = said.get("faults", (None, ""))
        if fault.faultCode != code or not _is_like(fault.faultString, text):
            yield f"it faults with {fault.faultCode} {fault.faultString!r}, not {said.get('faults')}"
        return
    if "faults" in said:
        yield f"it returns {returned!r} and does not fault"
    elif returned != said["returns"]:
        yield f"it returns {returned!r}, not {said['returns']!r}"


def _is_like(found: str | None, said: str | None) -> bool:
    if found is None or said is None:
        return found is said
    said = str(said)
    return bool(re.fullmatch(said[1:], found, re.DOTALL)) if said.startswith("~") else found == said


def _filled(said: Any, world: Mapping[str, str], typed: bool = False) -> Any:
    """`typed`: within what is no text on the wire, so that a serial is a number."""
    if isinstance(said, str):
        filled = Template(said).substitute(world)
        return int(filled) if typed and said.startswith("$") and said.endswith(("serial", "size")) else filled
    if isinstance(said, list):
        return [_filled(value, world, typed) for value in said]
    if isinstance(said, dict):
        return {
            _filled(key, world): _filled(value, world, typed or key in ("call", "json", "returns"))
            for key, value in said.items()
        }
    return said
