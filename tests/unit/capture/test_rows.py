"""Rows that are made by look-ups say the same as those that are made one by one."""

from __future__ import annotations

import gc
import json
from dataclasses import dataclass, replace
from hashlib import sha256

import pytest

from edgeproxy.capture import rows
from edgeproxy.capture.columns import NOTHING, Columns
from edgeproxy.capture.connections import Connection
from edgeproxy.capture.content import told_of
from edgeproxy.capture.reading_columns import read_rows
from edgeproxy.capture.record import Captured
from edgeproxy.capture.rows import Late, RowMaker, RuleTold
from edgeproxy.capture.safety import SafetyClass
from edgeproxy.http.request import RequestFields, RequestLine, read_request_fields, read_request_line
from edgeproxy.http.target import Scheme
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


RULES = {
    "simple": RuleTold(None, None),
    "writes": RuleTold(Safety.UNSAFE, None),
    "reads": RuleTold(Safety.SAFE, None),
}
BEGAN = 1_523_890_800.123456


class Made:
    """Blocks that were full, and the one at hand."""

    def __init__(self) -> None:
        self.maker = RowMaker(RULES, self.end)
        self.found: list[Captured] = []
        self.late: dict[bytes, bytes] = {}

    def end(self) -> None:
        self.read(self.maker.take())

    def read(self, block: Columns) -> None:
        for draft in block.blocks():
            content, number = draft.content(map(self.late.__getitem__, draft.late)), draft.records
            line, _, rows_of_it = content.partition(b"\n")
            for each in read_rows(json.loads(line), rows_of_it, number):
                assert isinstance(each, Captured)
                self.found.append(each)

    def add(
        self,
        noted: Noted,
        asked: tuple[RequestLine, RequestFields],
        times: tuple[float, float, float] = (BEGAN, -1, BEGAN),
        content: bytes | Late | None = None,
        connection: Connection | None = None,
    ) -> None:
        line, fields = asked
        key = (id(line), id(fields), *vars(noted).values())
        kind = self.maker.kind(key, None, noted, line, fields)
        if connection is None:
            connection = Connection("7-1", noted.client, Scheme.HTTP)
            self.maker.meet(connection)
        self.maker.add(kind, connection, times, content)


def asked(target: str, *lines: str) -> tuple[RequestLine, RequestFields]:
    start = f"GET {target} HTTP/1.1"
    head = "\r\n".join([start, "Host: pypi.test", *lines, "", ""]).encode()
    return read_request_line(start.encode(), 9_000), read_request_fields(head, 1, 100)


def test_an_exchange_is_a_row() -> None:
    made, what = Made(), asked("/simple/six/?token=abc", "User-Agent: pip/24.0", "Cookie: a=b")
    for _ in range(3):
        made.add(Noted(), what, (BEGAN, BEGAN + 0.001_5, BEGAN + 0.002), b"ok")
    made.end()
    assert made.found[0] == made.found[1] == made.found[2]
    first = made.found[0]
    assert (first.time, first.head_ms, first.ms) == (1_523_890_800.123456, 1.5, 2.0)
    assert (first.url, first.credentials) == ("http://pypi.test/simple/six/?token=[hidden]", ("cookie",))
    assert (first.connection, first.client, first.octets) == ("7-1", "192.0.2.0", 2)


def test_content_that_is_another_is_told() -> None:
    """Also when it is the same again, is not known, and in another block."""
    made, what = Made(), asked("/")
    contents = [b"a", b"a", b"bc", None, b"bc", b"", b"a"]
    for content in contents:
        made.add(Noted(), what, content=content)
    made.end()
    made.add(Noted(), what, content=b"a")
    made.end()
    assert [each.octets for each in made.found] == [1, 1, 2, None, 2, 0, 1, 1]
    assert {each.digest for each in made.found} == {*[sha256(c).hexdigest() for c in (b"a", b"bc", b"")], None}


def test_contents_that_are_forgotten_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_CONTENTS", 10)
    made, whats = Made(), [asked(f"/{number}") for number in range(4)]
    for number in range(40):
        made.add(Noted(), whats[number % 4], content=b"x" * (number % 4))
    made.add(Noted(), whats[3], content=None)
    made.end()
    assert [each.octets for each in made.found] == [*[number % 4 for number in range(40)], None]


def test_kinds_that_are_past_are_forgotten_between_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_NUMBERED", 5)
    made, what = Made(), asked("/")
    for number in range(30):
        made.add(Noted(), what, content=b"%d" % number)
        if number % 4 == 3:
            made.end()
    made.end()
    assert [each.digest for each in made.found] == [sha256(b"%d" % number).hexdigest() for number in range(30)]


def test_a_block_of_many_kinds_is_full_before_it_takes_the_loop_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """8,000 rows of 5,000 kinds held it for 40 to 60 ms."""
    monkeypatch.setattr(rows, "KINDS", 10)
    monkeypatch.setattr(rows, "FULL", 1)
    made, whats = Made(), [asked(f"/{number}") for number in range(10)]
    for number in range(25):
        made.add(Noted(), whats[number % 5])
    assert made.found == []
    for number in range(19):
        made.add(Noted(), whats[number % 10])
    assert len(made.found) == 25 + 10, "with the tenth kind"


def test_a_clock_that_goes_back_makes_no_time_below_nothing() -> None:
    made = Made()
    made.add(Noted(), asked("/"), (BEGAN, BEGAN - 0.000_001, BEGAN - 1))
    made.end()
    assert (made.found[0].head_ms, made.found[0].ms) == (0.0, 0.0)


def test_a_head_that_goes_out_before_the_end_is_told_beside_the_row() -> None:
    made, what = Made(), asked("/")
    for head in (BEGAN + 0.001, BEGAN + 0.002, -1):
        made.add(Noted(), what, (BEGAN, head, BEGAN + 0.002))
    assert sorted(made.maker.block.more) == [0, 2], "most heads go out with the end, and cost nothing"
    made.end()
    assert [(each.head_ms, each.ms) for each in made.found] == [(1.0, 2.0), (2.0, 2.0), (None, 2.0)]


def test_numbers_of_connections_that_left_are_others_in_the_next_block() -> None:
    """Rows have them, and there are no more of them than connections at once."""
    made, what = Made(), asked("/")
    for turn in range(3):
        for each in range(4):
            connection = Connection(f"7-{turn}-{each}", "192.0.2.7", Scheme.HTTP)
            made.maker.meet(connection)
            made.add(Noted(), what, connection=connection)
            made.maker.leave(connection)
        made.end()
    assert [each.connection for each in made.found] == [f"7-{turn}-{each}" for turn in range(3) for each in range(4)]
    made.maker.meet(connection)
    assert connection.number < 4


def test_connections_that_leave_without_a_row_hold_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_LEFT", 10)
    made, numbers = Made(), set[int]()
    for each in range(1_000):
        connection = Connection(f"7-{each}", "192.0.2.7", Scheme.HTTP)
        made.maker.meet(connection)
        numbers.add(connection.number)
        made.maker.leave(connection)
    assert len(numbers) == 10


def test_connections_of_one_row_each_end_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_LEFT", 10)
    made, what = Made(), asked("/")
    for each in range(95):
        connection = Connection(f"7-{each}", "192.0.2.7", Scheme.HTTP)
        made.maker.meet(connection)
        made.add(Noted(), what, connection=connection)
        made.maker.leave(connection)
    assert len(made.found) == 90
    made.end()
    assert [each.connection for each in made.found] == [f"7-{each}" for each in range(95)]


def test_numbers_of_kinds_begin_anew_before_they_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not while somebody adds a row, who has a kind in hand, nor while a block has rows of them."""
    monkeypatch.setattr(rows, "_MOST_NUMBERS", 20)
    made, what = Made(), asked("/")
    for number in range(60):
        made.add(Noted(), what, content=b"%d" % (number // 3))
        made.maker.renumber()
        if number % 4 == 3:
            made.end()
            made.maker.renumber()
    assert [each.digest for each in made.found] == [sha256(b"%d" % (number // 3)).hexdigest() for number in range(60)]
    assert made.maker._last < 30


def test_room_that_was_used_has_the_rows_of_its_block_alone() -> None:
    made, what = Made(), asked("/")
    for count in (300, 7, 40):
        for _ in range(count):
            made.add(Noted(), what)
        block, before = made.maker.take(), len(made.found)
        made.read(block)
        made.maker.let_go(block)
        assert (len(made.found) - before, len(block), len(made.maker)) == (count, 0, 0)


def test_a_clock_that_is_set_forward_by_years_makes_a_time_that_is_not_known() -> None:
    made = Made()
    for head in (12.001, BEGAN, -1):
        made.add(Noted(), asked("/"), (12.0, head, BEGAN))
    made.end()
    assert [(each.time, each.head_ms, each.ms) for each in made.found] == [
        (12, 1.0, None),
        (12, None, None),
        (12, None, None),
    ]


def test_no_rule_is_unknown_and_a_unix_client_has_no_network() -> None:
    made = Made()
    made.add(Noted(client="unix", rule=None), asked("/"))
    made.add(Noted(rule="writes"), asked("/"))
    made.end()
    first, second = made.found
    assert (first.safety, first.rule, first.shape, first.client) == (SafetyClass.UNKNOWN, None, None, None)
    assert (first.head_ms, first.octets, first.digest) == (None, None, None)
    assert (second.safety, second.shape) == (SafetyClass.UNSAFE, "/")


def test_an_answer_to_head_has_no_content() -> None:
    made, (line, fields) = Made(), asked("/")
    made.add(Noted(), (replace(line, method=b"HEAD"), fields), content=b"")
    made.add(Noted(), (line, fields), content=b"")
    made.end()
    assert [each.octets for each in made.found] == [None, 0]


def test_a_large_answer_is_known_when_the_block_is_made() -> None:
    made = Made()
    for number in (7, 8):
        made.add(Noted(), asked("/late"), content=Late(number))
    made.add(Noted(rule="late 7"), asked("/late"), content=b"known")  # which stands in no one's place
    made.late = {b'"late 7"': told_of(b"ok"), b'"late 8"': NOTHING}
    made.end()
    assert [each.octets for each in made.found] == [2, None, 5]
    assert made.found[-1].rule == "late 7"


@pytest.mark.parametrize(("remembered", "held"), [(3, 1 << 30), (1 << 30, 600), (4_096, 1 << 23)])
def test_objects_that_are_gone_are_nobody_elses_rows(
    monkeypatch: pytest.MonkeyPatch, remembered: int, held: int
) -> None:
    """What is known by its identity is forgotten with the object: another one may be where it was."""
    monkeypatch.setattr(rows, "_REMEMBERED", remembered)
    monkeypatch.setattr(rows, "_HELD", held)
    made, targets = Made(), list[str]()
    for number in range(400):
        target = f"/simple/p{number}/"
        made.add(Noted(), asked(target, f"User-Agent: pip/{number}"))
        targets.append(target)
        if number % 50 == 0:
            gc.collect()
    made.end()
    assert [each.target for each in made.found] == targets
    assert [each.headers["user-agent"] for each in made.found] == [f"pip/{number}" for number in range(400)]


def test_a_block_is_bounded_in_rows_and_in_octets() -> None:
    made, what = Made(), asked("/")
    for _ in range(rows.ROWS + 1):
        made.add(Noted(), what)
    assert (len(made.found), len(made.maker)) == (rows.ROWS, 1)
    made.end()
    before = len(made.found)
    for number in range(60):
        made.add(Noted(), asked(f"/{number}/" + "a" * 7_000, "Accept: " + "\xff" * 2_000))
        assert made.maker.block.octets < rows.OCTETS
    assert len(made.found) > before


CALL = b"<methodCall><methodName>package_releases</methodName><params/></methodCall>"


@pytest.mark.parametrize(
    ("rule", "method", "body", "kept"),
    [
        ("reads", b"POST", CALL, CALL.decode()),
        ("reads", b"POST", CALL.replace(b"package_releases", b"login"), None),
        ("reads", b"PUT", CALL, None),
        ("simple", b"POST", CALL, None),
        ("writes", b"POST", CALL, None),
        (None, b"POST", CALL, None),
        ("reads", b"POST", None, None),
    ],
)
def test_a_body_is_kept_of_a_post_that_is_declared_safe(
    rule: str | None, method: bytes, body: bytes | None, kept: str | None
) -> None:
    made, (line, fields) = Made(), asked("/pypi", "Content-Type: text/xml")
    line = replace(line, method=method)
    made.maker.tell(line, fields, rule, "package_releases", len(CALL), body)
    made.add(Noted(rule=rule), (line, fields))
    made.end()
    (found,) = made.found
    assert (found.sent, found.xmlrpc, found.body) == (len(CALL), "package_releases", kept)
