"""The journal: written and read back, folded, and refused when it is not whole."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from cutover_values import START, cutover, history, ramp

from edgeproxy.migration.commands import GateFailed
from edgeproxy.migration.journal import (
    BrokenJournal,
    Entry,
    NewerEntry,
    UnreadableEntry,
    read_entry,
    replay,
    written,
)
from edgeproxy.migration.phases import Phase, What

READS = cutover()
RAMP = ramp(READS, 3)


def test_an_entry_is_one_line_that_is_read_back() -> None:
    made = history(READS, [START, GateFailed("edge-1", "p95 of 3 s – \udcff\n", {"n": [1, 2.5, None]})])[1][-1]
    line = written(made)
    assert "\n" not in line
    assert line.isascii()
    assert read_entry(line) == made
    assert written(read_entry(line)) == line
    assert set(json.loads(line)) == {"v", *(field.name for field in fields(Entry))}


def test_what_a_newer_edge_has_written_is_refused_with_what_to_do() -> None:
    line = json.dumps({**json.loads(written(RAMP[0])), "v": 2, "something": "new"})
    with pytest.raises(NewerEntry, match=r"a newer edgeproxy has written it \(version 2; this one reads 1\): upgrade"):
        read_entry(line)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"v": None}, "it has no version"),
        ({"v": 0}, "there was never a version 0"),
        ({"number": 0}, "'number' cannot be 0"),
        ({"number": True}, "'number' cannot be True"),
        ({"share": 100_001}, "'share' cannot be 100001"),
        ({"at": "now"}, "'at' cannot be 'now'"),
        ({"at": 10**400}, "'at' cannot be"),
        ({"phase": "sleeping"}, "'phase' cannot be 'sleeping'"),
        ({"what": []}, "'what' cannot be"),
        ({"who": None}, "'who' cannot be None"),
        ({"step": -1}, "'step' cannot be -1"),
        ({"is_paused": 1}, "'is_paused' cannot be 1"),
        ({"mood": "good"}, "it has 'mood'"),
    ],
)
def test_an_entry_that_is_not_one_is_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises(UnreadableEntry, match=why):
        read_entry(json.dumps({**json.loads(written(RAMP[0])), **change}))


@pytest.mark.parametrize("line", ["", "{", "[]", "null", "[" * 100_000, '{"v":1}', '{"at":NaN}', "9" * 5_000])
def test_rubbish_is_refused(line: str) -> None:
    with pytest.raises(UnreadableEntry):
        read_entry(line)


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        (RAMP[1:], "entry 2 stands after entry 0"),
        ((RAMP[0], RAMP[2]), "entry 3 stands after entry 1"),
        ((RAMP[0], RAMP[0]), "entry 1 stands after entry 1"),
        ((replace(RAMP[0], cutover="writes"),), "entry 1 is of the cutover 'writes', and not of 'reads'"),
        (
            (*RAMP[:2], replace(RAMP[2], from_share=7)),
            "begins with stepping at 7, where the journal is stepping at 1000",
        ),
        ((replace(RAMP[0], phase=Phase.DONE),), "entry 1 is start from idle to done, which a cutover does not do"),
        ((RAMP[0], replace(RAMP[1], share=0)), "entry 2 is stepping at 0, which cannot be"),
        ((*RAMP[:3], replace(RAMP[3], share=1)), "entry 4, step, goes down from 5000 to 1"),
        ((*RAMP[:3], replace(RAMP[3], what=What.FINISH)), "entry 4 is finish from stepping to stepping"),
    ],
)
def test_a_journal_that_is_not_whole_is_refused(entries: tuple[Entry, ...], why: str) -> None:
    with pytest.raises(BrokenJournal, match=why):
        replay("reads", entries)
