"""Which counts of workers a cutover's gates are judged by, and what cannot be judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cutover_values import cutover
from specimens import ruleset

from edgeproxy.control.cutovers import Failed, Passed, Undecided
from edgeproxy.control.judging import Judging, unjudged, unseen
from edgeproxy.control.messages import Tallied
from edgeproxy.control.shares import Shares
from edgeproxy.migration.comparing.findings import Counted, Period
from edgeproxy.migration.gates.counts import ArmCounts, Block, ShadowCounts
from edgeproxy.migration.gates.evidence import Gate
from edgeproxy.migration.phases import Phase, State
from edgeproxy.ruleset.arms import Cutover, Gates
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.origins import DirectoryBackend

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {legacy: {url: "http://127.0.0.1:1"}}
rules: [{name: all, match: {path: "/{rest*}"}, forward: {backend: legacy}}]
"""
ERRORS = replace(cutover(), gates=Gates(errors_worse_by=1_000))
BAD = Block(old=ArmCounts(exchanges=200), new=ArmCounts(exchanges=200, failures=200))
GOOD = Block(old=ArmCounts(exchanges=50_000), new=ArmCounts(exchanges=50_000))

DIFFERING = replace(ERRORS, gates=Gates(errors_worse_by=1_000, differences_at_most=1_000))
NO_SHADOWS = parse_ruleset(RULES, "rules.yaml", base=Path.cwd())


class Edge:
    """Its judging, with shares, rules and a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.generation = 1
        self.shares = Shares(lambda: ())
        self.judging = Judging(
            lambda: parse_ruleset(RULES, "rules.yaml", base=Path.cwd(), generation=self.generation),
            self.shares,
            lambda: self.now,
        )

    async def at(self, share: int, **others: int) -> State:
        await self.shares.put({"reads": share, **others})
        return State("reads", Phase.STEPPING if share else Phase.SHADOWING, share=share, since=self.now)

    def judge(self, state: State, of: Cutover = ERRORS) -> type[Passed | Failed | Undecided]:
        return type(self.judging.judge(of, state))

    def hear(self, block: Block, number: int | None = None, generation: int = 1, worker: int = 4711) -> None:
        """A second later it is taken in."""
        number = self.shares.number if number is None else number
        self.judging.hear(worker, Tallied(number, generation, {"reads": block.as_json()}))
        self.now += 1.0

    def compare(
        self,
        compared: int,
        different: int,
        number: int | None = None,
        generation: int = 1,
        at: float | None = None,
        cutover: str = "reads",
        lost: int = 0,
    ) -> None:
        """Shadows whose requests came at that moment; a second later they are taken in."""
        period = Period(cutover, self.shares.number if number is None else number, generation)
        counts = ShadowCounts(compared, different, lost)
        self.judging.hear_shadows({period: Counted(counts, self.now if at is None else at)})
        self.now += 1.0


async def test_what_workers_count_decides_when_its_second_is_over() -> None:
    edge = Edge()
    state = await edge.at(50_000)
    assert edge.judge(state) is Undecided
    edge.hear(BAD)
    edge.now -= 0.5
    assert edge.judge(state) is Undecided
    edge.now += 0.5
    judged = edge.judging.judge(ERRORS, state)
    assert isinstance(judged, Failed)
    assert judged.why.startswith("errors: FAIL: worse by ")
    assert isinstance(judged.evidence, list)
    assert [each["verdict"] for each in judged.evidence if isinstance(each, dict)] == ["fail"]
    assert [each.new.events for each in edge.judging.evidences(ERRORS, state)] == [200]


async def test_a_sound_arm_passes() -> None:
    edge = Edge()
    state = await edge.at(50_000)
    edge.judge(state)
    edge.hear(GOOD)
    assert edge.judge(state) is Passed


async def test_what_was_counted_under_another_share_or_other_rules_does_not_count() -> None:
    edge = Edge()
    before = edge.shares.number
    state = await edge.at(50_000)
    edge.judge(state)
    edge.hear(BAD, number=before)
    edge.hear(BAD, generation=2)
    assert edge.judge(state) is Undecided
    await edge.at(20_000)
    state = await edge.at(50_000)  # the same as once before
    edge.hear(BAD, number=edge.shares.number - 2)
    assert edge.judge(state) is Undecided
    await edge.at(50_000, downloads=1_000)  # another cutover's share
    edge.judge(state)
    edge.hear(BAD, number=edge.shares.number - 1)
    assert edge.judge(state) is Failed


async def test_a_trial_begins_anew_with_the_share_the_rules_and_when_it_is_resumed() -> None:
    edge = Edge()
    state = await edge.at(50_000)
    edge.judge(state)
    edge.hear(BAD)
    assert edge.judge(state) is Failed
    assert edge.judge(replace(state, since=edge.now)) is Undecided
    edge.hear(BAD)
    state = replace(state, since=edge.now - 1)
    assert edge.judge(state) is Failed
    edge.generation = 2
    assert edge.judge(state) is Undecided
    edge.hear(BAD, generation=2)
    assert edge.judge(state) is Failed
    assert edge.judge(await edge.at(60_000)) is Undecided


def waiting(exchanges: int) -> Block:
    """So many more, or less, wait for an answer of the new arm."""
    return Block(new=ArmCounts(late=exchanges))


async def test_nobody_waits_for_an_answer_in_a_worker_that_is_gone() -> None:
    edge = Edge()
    state = await edge.at(50_000)
    edge.judge(state)
    edge.hear(waiting(5_000), worker=1)
    edge.hear(waiting(1), worker=2)
    edge.hear(GOOD, worker=2)
    assert edge.judge(state) is Undecided
    edge.judging.lose(1)
    edge.now += 1.0
    assert edge.judge(state) is Passed
    (evidence,) = edge.judging.evidences(ERRORS, state)
    assert evidence.late == 1
    edge.judging.lose(1)
    edge.judging.lose(3)


async def test_who_waits_for_an_answer_when_a_trial_begins_anew_is_known_in_it() -> None:
    edge = Edge()
    state = await edge.at(50_000)
    edge.hear(waiting(5_000))  # nobody has judged yet
    edge.judge(state)
    edge.hear(GOOD)
    assert edge.judge(state) is Undecided
    state = replace(state, since=edge.now)  # a person has resumed it
    edge.judge(state)
    edge.hear(GOOD)
    assert edge.judge(state) is Undecided
    edge.hear(waiting(-5_000))
    assert edge.judge(state) is Passed
    edge.hear(waiting(5_000))
    assert edge.judge(state) is Undecided
    state = await edge.at(60_000)
    edge.judge(state)
    edge.hear(GOOD)
    assert edge.judge(state) is Passed


async def test_a_share_that_is_not_in_force_here_is_not_judged() -> None:
    edge = Edge()
    state = await edge.at(50_000)
    await edge.at(20_000)
    assert edge.judge(state) is Undecided
    assert edge.judging.evidences(ERRORS, state) == ()


async def test_without_gates_nothing_holds_it_up() -> None:
    edge = Edge()
    assert edge.judge(await edge.at(50_000), cutover()) is Passed


async def test_while_nobody_is_moved_differences_alone_are_judged() -> None:
    edge = Edge()
    state = await edge.at(0)
    assert edge.judge(state) is Passed  # there is nothing that errors could be seen in
    assert edge.judge(state, DIFFERING) is Undecided
    assert [each.gate for each in edge.judging.evidences(DIFFERING, state)] == [Gate.DIFFERENCES]
    edge.compare(20_000, 0)
    judged = edge.judging.judge(DIFFERING, state)
    assert isinstance(judged, Passed)
    assert isinstance(judged.evidence, list)
    assert [each["gate"] for each in judged.evidence if isinstance(each, dict)] == ["differences"]
    edge.compare(1_000, 500)
    assert edge.judge(state, DIFFERING) is Failed


async def test_a_second_in_which_no_shadow_could_be_compared_counts_against_a_pass() -> None:
    edge = Edge()
    shadowing = await edge.at(0)
    edge.judge(shadowing, DIFFERING)
    edge.compare(20_000, 0)
    assert edge.judge(shadowing, DIFFERING) is Passed
    edge.compare(0, 0, lost=5_000)
    assert edge.judge(shadowing, DIFFERING) is Undecided
    assert edge.judging.evidences(DIFFERING, shadowing)[0].lost == 5_000


async def test_in_a_step_every_gate_has_to_pass() -> None:
    edge = Edge()
    state = await edge.at(50_000)
    edge.judge(state, DIFFERING)
    edge.hear(GOOD)
    assert edge.judge(state, DIFFERING) is Undecided
    edge.compare(20_000, 0)
    assert edge.judge(state, DIFFERING) is Passed
    edge.hear(BAD)
    edge.hear(BAD)
    assert edge.judge(state, DIFFERING) is Failed


async def test_shadows_of_another_time_say_nothing() -> None:
    edge = Edge()
    await edge.at(20_000)
    state = await edge.at(0)
    edge.judge(state, DIFFERING)
    edge.compare(100, 100, number=edge.shares.number - 1)  # under the share before
    edge.compare(100, 100, generation=2)
    edge.compare(100, 100, at=state.since - 1)  # asked for before it was started
    edge.compare(100, 100, cutover="downloads")
    assert edge.judge(state, DIFFERING) is Undecided
    assert edge.judging.evidences(DIFFERING, state)[0].new.exchanges == 0
    edge.compare(100, 100)
    assert edge.judge(state, DIFFERING) is Failed
    assert edge.judge(replace(state, since=edge.now), DIFFERING) is Undecided


async def test_it_is_said_where_differences_cannot_be_judged() -> None:
    edge = Edge()
    state = await edge.at(0)
    (said,) = unjudged(DIFFERING, state, NO_SHADOWS)
    assert said.startswith("differences cannot be judged: no rule that forwards to reads is shadowed by modern: add")
    assert unjudged(DIFFERING, state, ruleset()) == []
    *_, said = unjudged(DIFFERING, await edge.at(100_000), ruleset())
    assert said == "differences cannot be judged at 100 %: nobody is on the old arm, so nobody is shadowed"


async def test_at_the_whole_there_is_no_old_arm_to_compare_with() -> None:
    edge = Edge()
    state = await edge.at(100_000)
    edge.judge(state)
    edge.hear(Block(new=BAD.new))
    assert edge.judge(state) is Undecided
    said = ["errors and latency cannot be judged at 100 %: nobody is on the old arm to compare with"]
    assert unjudged(ERRORS, state, NO_SHADOWS) == said


async def test_of_an_arm_that_is_a_directory_nothing_is_known() -> None:
    files = replace(ERRORS, old=DirectoryBackend("files", Path("/srv/files")))
    said = unjudged(files, await Edge().at(50_000), NO_SHADOWS)
    assert said == ["files: answers from a directory are not counted, so errors and latency cannot be judged"]


async def test_the_rules_that_no_shadow_speaks_for_are_named() -> None:
    more = """
  - {name: page, match: {path: "/page"}, forward: {cutover: reads}, shadow: {to: modern, percent: 100}}
  - {name: quiet, match: {path: "/quiet"}, forward: {cutover: reads}}
  - {name: other, match: {path: "/other"}, forward: {backend: modern}}
"""
    text = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {legacy: {url: "http://127.0.0.1:1"}, modern: {url: "http://127.0.0.1:2"}}
cutovers:
  reads: {from: legacy, to: modern, steps: [50, 100], hold: 1m, gates: {differences: {at_most: 1%}}}
rules:
"""
    rules = parse_ruleset(text + more.removeprefix("\n"), "rules.yaml", base=Path.cwd())
    (reads,) = rules.cutovers
    edge = Edge()
    assert unseen(reads, await edge.at(50_000), rules) == ["quiet"]
    assert unseen(reads, await edge.at(100_000), rules) == []
    assert unseen(reads, State("reads"), rules) == []


def test_how_many_wait_unwatched_is_said() -> None:
    edge = Edge()
    block = Block()
    block.new.unwatched = 5
    hear = edge.judging.hear
    assert hear(1, Tallied(edge.shares.number, 1, {"reads": block.as_json()})) == {"reads": 5}
    assert hear(1, Tallied(edge.shares.number, 1, {"reads": Block().as_json()})) == {}
    assert hear(1, Tallied(edge.shares.number, 2, {"reads": block.as_json()})) == {}
