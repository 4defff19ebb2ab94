"""The journals that a node knows: whole at every moment."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cutover_values import cutover, ramp

from edgeproxy.migration.journal import BrokenJournal, replay
from edgeproxy.migration.phases import State
from edgeproxy.state.known import Known

RAMP = ramp(cutover(), 3)


def test_it_grows_by_what_continues_it_and_what_is_known_is_no_news() -> None:
    known = Known()
    assert known.state("reads") == State("reads")
    assert known.take("reads", RAMP[:2])
    assert not known.take("reads", RAMP[:1])
    assert known.take("reads", RAMP[1:])
    assert known.state("reads") == replay("reads", RAMP)
    assert known.entries("reads", since=3) == RAMP[3:]
    assert known.names() == ("reads",)


def test_what_does_not_continue_it_leaves_it_as_it_was() -> None:
    known = Known()
    known.take("reads", RAMP[:1])
    for wrong in (RAMP[2:], (RAMP[1], replace(RAMP[2], from_share=9))):
        with pytest.raises(BrokenJournal):
            known.take("reads", wrong)
    with pytest.raises(BrokenJournal):
        known.replace("reads", RAMP[1:])
    assert known.entries("reads") == RAMP[:1]


def test_whether_an_entry_is_there_or_comes_next() -> None:
    known = Known()
    known.take("reads", RAMP[:2])
    assert known.is_there(RAMP[1]) is True
    assert known.is_there(replace(RAMP[1], who="bo")) is False
    assert known.is_there(RAMP[2]) is None
    with pytest.raises(BrokenJournal, match="entry 4 stands after entry 2"):
        known.is_there(RAMP[3])
