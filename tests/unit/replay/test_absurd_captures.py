"""Captures that nobody has recorded: what they may cost who reads them has a bound."""

from __future__ import annotations

import io
import json
import os
import pickle
from pathlib import Path
from struct import pack

import pytest
from captures import packed, record

from edgeproxy.capture.blocks import Block, Broken, read_blocks
from edgeproxy.capture.record import LONGEST_HEADERS, LONGEST_URL, BadRecord, Captured, read_words, words_of
from edgeproxy.capture.scrubbing import kept_url
from replay.capture import gor, har_entries
from replay.capture.found import Found, Skipped
from replay.capture.reading import Assumed, Source, read_all, read_file
from replay.capture.summary import summary_of
from replay.planned import Planned
from replay.preparing import prepare
from replay.remembered import Remembered
from replay.schedule.choosing import Refused, as_recorded, choose
from replay.schedule.rewriting import Rewriting
from replay.schedule.shelf import Shelf

LONG = "http://pypi.test/" + "a" * 20_000


def chosen(each: Captured) -> Planned | Refused:
    return choose(each, as_recorded, Rewriting())


def octets_of(shelf: Shelf) -> int:
    """Of its files."""
    return sum(os.fstat(part.fileno()).st_size for part in shelf._parts)


def test_one_that_says_it_stands_for_more_than_anybody_records_is_refused_and_counted(tmp_path: Path) -> None:
    capture = tmp_path / "a.capture"
    capture.write_bytes(packed([record(1, count=1 << 40), record(2, count=1_000_000)]))
    prepared = prepare(read_all([capture], Assumed()), chosen, lambda each: each.shape or "")
    assert (prepared.chosen, prepared.refused) == (1_000_000, {Refused.COUNT: 1 << 40})
    assert prepared.seen == prepared.chosen + (1 << 40)


def test_many_of_one_long_url_are_laid_down_as_few_octets() -> None:
    """As 20 KB each they were 40 MB."""
    shelf = Shelf(at_once=500)
    headers = (("user-agent", "pip/26.3"),)
    for number in range(2_000):  # each with texts of its own, as they come out of rewriting
        shelf.add(Planned(float(number), "a", "GET", "".join(("http://", LONG[7:])), headers, label=f"{LONG}"))
    assert octets_of(shelf) < 2_000_000
    assert [each.at for each in shelf] == list(range(2_000))
    assert {each.url for each in shelf} == {LONG}
    shelf.close()


def test_what_is_shared_is_counted_once_and_what_is_not_each_time() -> None:
    shared, others = Shelf(octets_at_once=1_000_000), Shelf(octets_at_once=1_000_000)
    for number in range(200):
        shared.add(Planned(float(number), "a", "GET", LONG))
        others.add(Planned(float(number), "a", "GET", f"{LONG}{number}"))
    assert (len(shared._parts), len(others._parts)) == (0, 4)
    assert [each.url for each in others] == [f"{LONG}{number}" for number in range(200)]
    shared.close()
    others.close()


def test_long_bodies_and_headers_are_read_again_in_small_batches() -> None:
    """One batch of each part is in memory at once."""
    shelf = Shelf(at_once=64)
    for number in range(64):
        shelf.add(Planned(float(number), "", "POST", LONG, (("accept", "x" * 100_000),), b"x" * 16_000))
    (part,) = shelf._parts
    part.seek(0)
    assert len(pickle.load(part)) < 12
    assert len(list(shelf)) == 64
    shelf.close()


@pytest.mark.parametrize("piece", ["sid=a&", "sig=a;", "/a:b@/", "//:p@", "://a:b@", "token=a&", "reset/aaaaaaaa/"])
@pytest.mark.parametrize("start", ["/", "/?", "//"])
def test_what_an_edge_takes_is_a_record_however_much_longer_scrubbing_makes_it(piece: str, start: str) -> None:
    url = kept_url("https", f"{'h' * 1_019}.test", (start + piece * 3_000)[:8_192])
    assert len(url) <= LONGEST_URL
    assert read_words(words_of(record(url=url))).url == url


def test_what_no_edge_takes_is_no_record() -> None:
    for more, why in (
        ({"url": f"http://pypi.test/{'a' * LONGEST_URL}"}, "`url` is longer than"),
        ({"headers": {f"x-{number}": "v" * 4_000 for number in range(60)}}, f"more than {LONGEST_HEADERS} characters"),
    ):
        with pytest.raises(BadRecord, match=why):
            read_words(words_of(record(**more)))


def test_a_url_that_was_cut_is_not_sent_as_another_one() -> None:
    url = kept_url("https", "pypi.test", f"/search/?q={'a' * 9_000}")
    assert choose(record(url=url), as_recorded, Rewriting()) is Refused.SECRET


def test_what_is_remembered_has_a_bound_of_octets() -> None:
    remembered = Remembered[int](most=10, most_octets=1_000)
    for number in range(100):
        assert remembered.remember(number, b"x" * 300) == b"x" * 300
        assert remembered.octets <= 1_000
    assert sorted(remembered) == [99]
    for number in range(100):
        remembered.remember(number, b"")
    assert len(remembered) <= 10


# -- files of others, and broken ones -----------------------------------------------------------------------------------


def found_in(place: Path, content: bytes) -> list[Found]:
    (place / "file").write_bytes(content)
    return list(read_file(place / "file", Assumed()))


LINE = b'192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.1" 200 5\n'
ENTRY: dict[str, object] = {
    "startedDateTime": "2018-04-16T15:00:00Z",
    "request": {"method": "GET", "url": "http://pypi.test/", "headers": []},
    "response": {"status": 200},
}


def test_a_line_with_a_size_of_thousands_of_digits_costs_itself(tmp_path: Path) -> None:
    """`int` raises for more than 4,300."""
    broken, good = found_in(tmp_path, LINE.replace(b" 5\n", b" " + b"9" * 5_000 + b"\n") + LINE)
    assert isinstance(broken, Skipped)
    assert isinstance(good, Captured)


def test_an_entry_that_lasted_longer_than_any_float_costs_itself(tmp_path: Path) -> None:
    entries = [ENTRY | {"timings": {"wait": 10**400}}, ENTRY]
    broken, good = found_in(tmp_path, json.dumps({"log": {"entries": entries}}).encode())
    assert isinstance(broken, Skipped)
    assert isinstance(good, Captured)


def test_an_entry_of_more_values_than_any_program_writes_is_told_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """65 KB of gzip were 64 MiB of empty lists, which are gigabytes."""
    monkeypatch.setattr(har_entries, "MOST_VALUES", 100)
    entries = [[[]] * 101, ENTRY, None, "}]", ENTRY | {"comment": "[{"}]
    found = found_in(tmp_path, json.dumps({"log": {"pages": [{"entries": []}], "entries": entries}}).encode())
    assert [type(each) for each in found] == [Skipped, Captured, Skipped, Captured]
    assert found[2] == Skipped("entries 3 to 4", "they are no entries of HAR 1.2", 2)


@pytest.mark.parametrize(
    "piece", ["0", "{}", "[]", '""', '{"a":[1,"}"]}', '{"a":{"b":[]}}', "[[0],[0]]", '{"entries":[]}']
)
def test_values_that_can_be_no_entries_are_told_at_once(tmp_path: Path, piece: str) -> None:
    """64 MiB of them took minutes, a message each."""
    entries = ",".join([json.dumps(ENTRY), *[piece] * 50_000, json.dumps(ENTRY), piece])
    found = found_in(tmp_path, f'{{"log":{{"entries":[{entries}]}}}}'.encode())
    assert [type(each) for each in found] == [Captured, Skipped, Captured, Skipped]
    assert found[1] == Skipped("entries 2 to 50001", "they are no entries of HAR 1.2", 50_000)
    assert found[3] == Skipped("entry 50003", "it is no entry of HAR 1.2")


def test_of_a_torn_har_what_is_whole_is_read(tmp_path: Path) -> None:
    whole = json.dumps({"log": {"entries": [ENTRY, ENTRY]}}).encode()
    found = found_in(tmp_path, whole[:-40])
    assert [type(each) for each in found] == [Captured, Skipped]
    assert len(found_in(tmp_path, whole.replace(b'"status": 200', b'"status": 2x0', 1))) == 2


def test_octets_that_are_no_text_cost_their_entry(tmp_path: Path) -> None:
    whole = json.dumps({"log": {"entries": [ENTRY, ENTRY]}}).encode().replace(b"pypi.test/", b"pypi.test/\xff", 1)
    assert [type(each) for each in found_in(tmp_path, whole)] == [Skipped, Captured]


def test_a_line_of_nothing_but_brackets_is_read_at_once(tmp_path: Path) -> None:
    """Each was looked behind for its end, to the end of the line: minutes."""
    assert len(found_in(tmp_path, LINE + b"1 - -" + b" [x" * 80_000 + b"\n" + LINE)) == 3


def test_fifty_thousand_headers_of_one_name_are_joined_once(tmp_path: Path) -> None:
    """One after the other, each with all before it, they were many gigabytes to copy."""
    headers = [{"name": "accept", "value": "a" * 200}] * 50_000
    entry = ENTRY | {"request": {"method": "GET", "url": "http://pypi.test/", "headers": headers}}
    (found,) = found_in(tmp_path, json.dumps({"log": {"entries": [entry]}}).encode())
    assert isinstance(found, Captured)
    assert found.headers["accept"].startswith("aaa")


def test_requests_that_wait_for_their_answers_have_a_bound_of_octets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are oldest go without; whatever the file holds is a record."""
    monkeypatch.setattr(gor, "_OCTETS_WAITING", 10_000)
    end = "\n🐵🙈🙉\n".encode()
    asked = b"".join(b"1 %d 1 1\nGET /%b%d HTTP/1.1\r\n\r\n%b" % (n, b"a" * 3_000, n, end) for n in range(9))
    answer = b"2 8 2 1\nHTTP/1.1 204 No Content\r\n\r\n" + end
    found = found_in(tmp_path, asked + answer)
    assert [each.url[-1] for each in found if isinstance(each, Captured)] == list("012345867")
    assert [each.status for each in found if isinstance(each, Captured)] == [None] * 6 + [204] + [None] * 2


class Counted(io.BytesIO):
    """`octets`: that were read of it."""

    octets = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.octets += len(data)
        return data


def test_a_file_of_nothing_but_heads_is_not_read_as_often_as_it_has_heads() -> None:
    """Each promises a frame of 4 MiB: it ends where the next one begins."""
    head = packed([record()])[:12] + pack("<IIIII", 3, 1, 1 << 22, 100, 0)
    file = Counted(head * 10_000)
    broken = list(read_blocks(file))
    assert len(broken) == 10_000
    assert file.octets < 10_000 * 200_000  # a buffer or two for each, and no more


def test_a_block_that_is_torn_by_another_costs_itself_alone() -> None:
    whole = packed([record(number) for number in range(50)])
    found = list(read_blocks(io.BytesIO(whole[:200] + whole)))
    assert [type(each) for each in found] == [Broken, Block]


def test_names_in_a_summary_have_a_bound() -> None:
    records = [Source(Path("a"), record(number, rule=f"{number}")) for number in range(5_000)]
    rules = summary_of(records).counted["rules"]
    assert len(rules) == 2_001
    assert rules["(other)"] == 3_000
