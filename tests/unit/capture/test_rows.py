"""Rows that are made by look-ups say the same as those that are made one by one."""

from __future__ import annotations

import gc
import json
from dataclasses import dataclass

import pytest

from edgeproxy.capture import rows
from edgeproxy.capture.columns import read_rows
from edgeproxy.capture.content import ContentReader
from edgeproxy.capture.record import Captured
from edgeproxy.capture.rows import Connection, RowMaker, RuleTold
from edgeproxy.capture.safety import SafetyClass
from edgeproxy.http.request import RequestFields, RequestLine, read_request_fields, read_request_line
from edgeproxy.ruleset.modifiers import Safety


@dataclass
class Noted:
    client: str = "192.0.2.7"
    scheme: str = "http"
    rule: str | None = "simple"
    arm: str | None = None
    backend: str | None = "modern"
    fallback: str | None = None
    cache: str | None = None
    why: str | None = None
    status: int = 200
    is_whole: bool = True


RULES = {"simple": RuleTold(None, None), "writes": RuleTold(Safety.UNSAFE, None)}
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BEGAN = 1_523_890_800_123_456_000


class Made:
    """Blocks that were full, and the one at hand."""

    def __init__(self) -> None:
        self.maker = RowMaker(RULES, self.end)
        self.found: list[Captured] = []

    def end(self) -> None:
        block = self.maker.block
        self.maker.begin()
        for each in read_rows(json.loads(block.content()), len(block)):
            assert isinstance(each, Captured)
            self.found.append(each)


def asked(target: str, *lines: str) -> tuple[RequestLine, RequestFields]:
    start = f"GET {target} HTTP/1.1"
    head = "\r\n".join([start, "Host: pypi.test", *lines, "", ""]).encode()
    return read_request_line(start.encode(), 9_000), read_request_fields(head, 1, 100)


def test_an_exchange_is_a_row() -> None:
    made, connection = Made(), Connection(b'"7-1"')
    line, fields = asked("/simple/six/?token=abc", "User-Agent: pip/24.0", "Cookie: a=b")
    for _ in range(3):
        made.maker.add(Noted(), line, fields, connection, (BEGAN, BEGAN + 1_500_000, BEGAN + 2_000_000), ANSWER)
    made.end()
    assert made.found[0] == made.found[1] == made.found[2]
    first = made.found[0]
    assert (first.time, first.head_ms, first.ms) == (1_523_890_800.123456, 1.5, 2.0)
    assert (first.url, first.credentials) == ("http://pypi.test/simple/six/?token=[hidden]", ("cookie",))
    assert (first.connection, first.client, first.octets) == ("7-1", "192.0.2.0", 2)


def test_a_clock_that_goes_back_makes_no_time_below_nothing() -> None:
    made = Made()
    made.maker.add(Noted(), *asked("/"), Connection(b'"7-1"'), (BEGAN, BEGAN - 1, BEGAN - 10**9), None)
    made.end()
    assert (made.found[0].head_ms, made.found[0].ms) == (0.0, 0.0)


def test_no_rule_is_unknown_and_a_unix_client_has_no_network() -> None:
    made = Made()
    made.maker.add(Noted(client="unix", rule=None), *asked("/"), Connection(b'"7-1"'), (BEGAN, 0, BEGAN), None)
    made.maker.add(Noted(rule="writes"), *asked("/"), Connection(b'"7-1"'), (BEGAN, 0, BEGAN), None)
    made.end()
    first, second = made.found
    assert (first.safety, first.rule, first.shape, first.client) == (SafetyClass.UNKNOWN, None, None, None)
    assert (first.head_ms, first.octets, first.digest) == (None, None, None)
    assert (second.safety, second.shape) == (SafetyClass.UNSAFE, "/")


def test_a_large_answer_is_known_when_the_block_is_made() -> None:
    made, connection = Made(), Connection(b'"7-1"')
    whole, torn = ContentReader(), ContentReader()
    for reader in (whole, torn):
        made.maker.add(Noted(), *asked("/"), connection, (BEGAN, BEGAN, BEGAN), reader)
    whole.feed([ANSWER])
    torn.feed([ANSWER[:10]])
    made.end()
    assert [each.octets for each in made.found] == [2, None]


@pytest.mark.parametrize(("remembered", "held"), [(3, 1 << 30), (1 << 30, 600), (4_096, 1 << 23)])
def test_objects_that_are_gone_are_nobody_elses_rows(
    monkeypatch: pytest.MonkeyPatch, remembered: int, held: int
) -> None:
    """What is known by its identity is forgotten with the object: another one may be where it was."""
    monkeypatch.setattr(rows, "_REMEMBERED", remembered)
    monkeypatch.setattr(rows, "_HELD", held)
    made, connection, targets = Made(), Connection(b'"7-1"'), list[str]()
    for number in range(400):
        target = f"/simple/p{number}/"
        made.maker.add(Noted(), *asked(target, f"User-Agent: pip/{number}"), connection, (BEGAN, 0, BEGAN), None)
        targets.append(target)
        if number % 50 == 0:
            gc.collect()
    made.end()
    assert [each.target for each in made.found] == targets
    assert [each.headers["user-agent"] for each in made.found] == [f"pip/{number}" for number in range(400)]


def test_a_block_is_bounded_in_rows_and_in_octets() -> None:
    made, connection = Made(), Connection(b'"7-1"')
    line, fields = asked("/")
    for _ in range(rows.ROWS + 1):
        made.maker.add(Noted(), line, fields, connection, (BEGAN, 0, BEGAN), None)
    assert (len(made.found), len(made.maker.block)) == (rows.ROWS, 1)
    made.end()
    before = len(made.found)
    for number in range(60):
        long = asked(f"/{number}/" + "a" * 7_000, "Accept: " + "\xff" * 2_000)
        made.maker.add(Noted(), *long, connection, (BEGAN, 0, BEGAN), None)
        assert made.maker.block.columns.octets < rows.OCTETS
    assert len(made.found) > before
