"""Counts of arms: what is a failure, and that workers' counts merge."""

from __future__ import annotations

import json

from edgeproxy.migration.gates.counts import ArmCounts, Block, ShadowCounts, merged


def worked() -> Block:
    block = Block(shadows=ShadowCounts(20, 1))
    block.old.note_answer(0.012)
    block.new.note_answer(0.008)
    block.new.note_failure()
    block.new.note_timeout(30.0)
    block.new.late = -1  # that one
    return block


def test_a_timeout_is_a_failure_that_took_as_long_as_was_waited() -> None:
    new = worked().new
    assert (new.exchanges, new.failures, new.latency.total) == (3, 2, 2)
    assert new.latency.quantile(1.0) is not None
    assert 29.5 < (new.latency.quantile(1.0) or 0) < 30.5


def test_an_error_is_no_fast_answer() -> None:
    counts = ArmCounts()
    counts.note_failure()
    assert counts.latency.total == 0


def test_the_block_of_all_workers_is_the_sum_of_theirs_in_any_order() -> None:
    one, other = worked(), Block(ArmCounts(5, 1))
    assert merged([one, other]) == merged([other, one])
    assert merged([one, other]).old.exchanges == 6
    assert merged([]) == Block()
    assert one == worked()  # nobody's own counts were added to


def test_counts_go_through_json_as_plain_ints() -> None:
    block = worked()
    assert Block.from_json(json.loads(json.dumps(block.as_json()))) == block
