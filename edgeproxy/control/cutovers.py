"""The controller of a node's cutovers: the machine, the store and the clock, tied together.

Laws of this module:
- what is in force here is what the journal says, and follows every change of it, whoever made it: a command here, the
  controller of another node, another process;
- what the store does not take does not happen, but for a way back: it is in force here before the store is asked, which
  may hang or take nothing, and stays in force and is tried until it is taken. Another history that the store has in its
  place, once it is there again, takes it back only if that was decided later;
- any number of controllers may watch one cutover: each number of its journal is given once, so no step is taken twice;
- a hold is as long as this node has heard of it, by its own clock; of one that it has not seen begin, it knows by the
  clock of who began it;
- the hold and the gates decide on steps, a person may do so any time, and the last one is finished by a person alone.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from edgeproxy.control.holds import Holds
from edgeproxy.migration.commands import (
    Command,
    GateFailed,
    GatesPassed,
    Happening,
    HoldIsOver,
    Refusal,
    Refused,
    Rollback,
)
from edgeproxy.migration.cutover import decide, is_of, is_started, moves_on, next_step, share_of
from edgeproxy.migration.journal import BrokenJournal, Entry, Json
from edgeproxy.migration.phases import Phase, State, What
from edgeproxy.migration.rehearsal import NO_REHEARSALS, Rehearsals
from edgeproxy.ruleset.arms import Cutover, Split
from edgeproxy.ruleset.quantities import written_share
from edgeproxy.state.store import StateLost, Store
from edgeproxy.state.watching import Changed, Conflict, Found, Lost, News, NotRemembered, Unreadable, Watch

TICK: Final = 0.25  # seconds: a gate that fails is acted on within it


@dataclass(frozen=True, slots=True)
class Passed:
    """All gates of the share in force."""

    evidence: Json = None


@dataclass(frozen=True, slots=True)
class Failed:
    """One of them, at least."""

    why: str
    evidence: Json = None


@dataclass(frozen=True, slots=True)
class Undecided:
    """There is not enough data."""


Judged = Passed | Failed | Undecided
WaysBack = Mapping[str, tuple[str, str]]  # of which cutover, by whom and why


async def _no_rehearsals() -> Rehearsals:
    return NO_REHEARSALS


@dataclass(frozen=True, slots=True)
class Shell:
    """What the controller is given: the rules in use, who judges, and whom it tells."""

    cutovers: Callable[[], Mapping[str, Cutover]]
    judge: Callable[[Cutover, State], Judged]  # by what was counted since `State.since`
    publish: Callable[[Split, bool], None]  # a split to put in force, and whether it is started: when that is news
    tell: Callable[[str], None]  # a line for the operator
    now: Callable[[], float] = time.time
    rehearsals: Callable[[], Awaitable[Rehearsals]] = _no_rehearsals  # what is known of them, for the rules in use


class Cutovers:
    """`run` it as a task; `node` is what its entries are signed with. `ways_back`: those that another controller could
    not write down, and this one takes over.
    """

    def __init__(
        self, store: Store, shell: Shell, node: str, tick: float = TICK, ways_back: WaysBack | None = None
    ) -> None:
        self._store = store
        self._shell = shell
        self._node = node
        self._tick = tick
        self._states: dict[str, State] = {}
        self.holds = Holds(shell.now)
        self._is_loaded = False
        self._in_force: dict[str, tuple[Split, bool]] = {}
        self._waiting: dict[str, Rollback | Entry] = {  # ways back: in force here, and not taken by the store yet
            name: Rollback(who, why) for name, (who, why) in (ways_back or {}).items()
        }
        self._trying: Counter[str] = Counter()  # how many of them are with the store now
        self._is_handed_on = False

    @property
    def states(self) -> Mapping[str, State]:
        """Of the cutovers of the rules, as far as is known."""
        return self._states

    @property
    def ways_back(self) -> WaysBack:
        """Those that the store has not taken yet."""
        return {name: (asked.who, asked.why) for name, asked in self._waiting.items()}

    def hand_on(self) -> WaysBack:
        """To a controller that takes over. This one tries them no more, or it would undo, later, what is decided after
        them; they stay in force here.
        """
        self._is_handed_on = True
        return self.ways_back

    def take_back(self) -> None:
        """It has not taken over."""
        self._is_handed_on = False

    async def run(self) -> None:
        """For ever."""
        with self._store.watch() as watch:
            await (self._refresh_all() if self._is_loaded else self.reload())
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow(watch))
                tasks.create_task(self._judge_for_ever())

    async def reload(self) -> None:
        """The rules have changed, or are new: every split is published, be it the same."""
        self._is_loaded = True
        self._in_force.clear()
        before, its = self._states, self._shell.cutovers()
        self._states = {name: state for name, state in before.items() if name in its}
        await self._refresh_all()
        for name, cutover in its.items():
            state = self._states.get(name)
            if state is not None and not is_of(cutover, state):
                self._shell.tell(_other_arms(cutover, state))
        for state in await self._left_behind(before):
            self._shell.tell(_gone(state))

    async def _left_behind(self, before: Mapping[str, State]) -> list[State]:
        """Cutovers that have moved clients, and that the rules have no more. One that is done was to leave them some
        day: of that it is told when it does.
        """
        try:
            names = [name for name in await self._store.names() if name not in self._shell.cutovers()]
            states = [await self._store.read(name) for name in names]
        except StateLost:  # which the store tells by itself
            return []
        return [state for state in states if state.is_running or (state.is_started and state.name in before)]

    async def do(self, name: str, command: Command) -> Entry | Refusal:
        """In force on this node when it returns. Raises StateLost."""
        cutovers = self._shell.cutovers()
        if name not in cutovers:
            known = f"there are {', '.join(sorted(cutovers))}" if cutovers else "there is none"
            return Refusal(Refused.UNKNOWN, f"no cutover is named {name!r}", f"{known} in the rules.")
        cutover = cutovers[name]
        if name in self._waiting and not self._trying[name]:
            await self._try_again(cutover)
        if isinstance(command, Rollback):
            state = self._states.get(name)
            likely = None if state is None else decide(cutover, state, command, self._shell.now())
            return likely if isinstance(likely, Refusal) else await self._put_back(cutover, command)
        made = await self._ask_store(cutover, command)
        return made if isinstance(made, Refusal) or await self._append(made) else await self._outrun(made)

    async def _ask_store(self, cutover: Cutover, command: Command) -> Entry | Refusal:
        return await self._decide(cutover, await self._store.read(cutover.name), command)

    # -- ways back ----------------------------------------------------------------------------------------------------

    async def _put_back(self, cutover: Cutover, asked: Rollback | Entry, *, is_again: bool = False) -> Entry | Refusal:
        """Everybody is on the old arm at once, and until the store has taken it or says that it is otherwise. An entry
        is of a gate that failed: it is for what it was decided on alone. Raises StateLost.
        """
        name = cutover.name
        if name in self._states:
            self._put_in_force(cutover.resting, started=False)  # so nobody is there by a pin either
        self._waiting[name] = asked
        self._trying[name] += 1
        try:
            made = await self._have_taken(cutover, asked, is_again=is_again)
        except StateLost as error:
            stays = f"everybody is on {cutover.old.name} here, and stays there: it is written down as soon as it can be"
            raise StateLost(f"{error}. Meanwhile {stays}") from None
        finally:
            self._trying[name] -= 1
        if self._waiting.get(name) is asked:
            del self._waiting[name]
        await self._refresh(name)
        return made

    async def _put_back_by_gate(self, cutover: Cutover, entry: Entry) -> None:
        try:
            made = await self._put_back(cutover, entry)
        except StateLost as error:
            self._shell.tell(f"cutover {entry.cutover}: {entry.why}: {error}")
            return
        if isinstance(made, Entry):
            self._tell_back(made)

    async def _have_taken(self, cutover: Cutover, asked: Rollback | Entry, *, is_again: bool) -> Entry | Refusal:
        if isinstance(asked, Entry):
            return asked if await self._append(asked) else await self._outrun(asked)
        while not isinstance(made := await self._ask_store(cutover, asked), Refusal):
            said = await self._store.journal(cutover.name, made.number - 2) if is_again else ()
            if said and (said[-1].what, said[-1].who, said[-1].why) == (What.ROLLBACK, asked.who, asked.why):
                return said[-1]  # it was taken, and the answer was lost, or by the edge of an upgrade
            if await self._append(made):
                break
        return made

    async def _try_again(self, cutover: Cutover) -> None:
        """What the store could not take. Raises StateLost."""
        made = await self._put_back(cutover, self._waiting[cutover.name], is_again=True)
        if isinstance(made, Entry):
            self._tell_back(made)

    def _tell_back(self, made: Entry) -> None:
        self._shell.tell(f"cutover {made.cutover}: {made.why}: it is {_phase(made)} at {written_share(made.share)} %")

    # -- what the store tells -----------------------------------------------------------------------------------------

    async def _follow(self, watch: Watch) -> None:
        async for news in watch:
            await self._hear(news)

    async def _hear(self, news: News) -> None:
        match news:
            case Changed(name=name):
                await self._refresh(name)
            case Lost(why=why):
                self._shell.tell(f"state: {why}: every cutover stays as it is")
            case Found():
                self._shell.tell("state: it is there again")
                await self._refresh_all()
            case Conflict(name=name, number=number, ours=ours, theirs=theirs):
                both = f"here {_said(ours)}; in the store, which counts, {_said(theirs)}"
                self._shell.tell(f"cutover {name}: two histories from entry {number} on: {both}")
                self._keep_way_back(name, ours[-1], theirs[-1])
                await self._refresh(name)
            case Unreadable(name=name, why=why):
                self._shell.tell(f"cutover {name}: {why}: it stays as it is")
            case NotRemembered(why=why):
                self._shell.tell(f"state: {why}")
            case _:
                assert_never(news)

    def _keep_way_back(self, name: str, ours: Entry, theirs: Entry) -> None:
        """What was decided here last, and another node last, while they could not hear of each other. `at` is by
        their own clocks.
        """
        if ours.phase is Phase.ROLLED_BACK is not theirs.phase and ours.at > theirs.at:
            self._shell.tell(
                f"cutover {name}: the rollback here is the later one, so it stays, and is written down anew"
            )
            self._waiting.setdefault(name, Rollback(ours.who, f"{ours.why} (while the store was lost)"))

    async def _refresh_all(self) -> None:
        for name in self._shell.cutovers():
            await self._refresh(name)

    async def _refresh(self, name: str) -> None:
        """Put in force what the journal says now; nothing, while nothing is known."""
        if name not in self._shell.cutovers():
            return
        try:
            state = await self._store.read(name)
        except StateLost as error:
            self._shell.tell(f"cutover {name}: {error}")
            return
        cutover = self._shell.cutovers().get(name)  # by the rules as they are now: they may have changed meanwhile
        if cutover is None:
            return
        self._states[name] = state
        self.holds.by_own_clock(state)
        if name in self._waiting:
            self._put_in_force(cutover.resting, started=False)
        else:
            self._put_in_force(share_of(cutover, state), started=is_started(cutover, state))

    def _put_in_force(self, split: Split, *, started: bool) -> None:
        if self._in_force.get(split.name) != (split, started):
            self._in_force[split.name] = (split, started)
            self._shell.publish(split, started)

    # -- what happens by itself ---------------------------------------------------------------------------------------

    async def _judge_for_ever(self) -> None:
        while True:
            for name, cutover in self._shell.cutovers().items():
                try:
                    if name not in self._waiting:
                        await self._judge(cutover, self._states.get(name) or State(name))
                    elif not self._trying[name] and not self._is_handed_on:
                        await self._try_again(cutover)
                except StateLost:
                    pass  # which the store tells by itself
                except Exception as error:  # noqa: BLE001  # this is the supervisor: the others are judged all the same
                    self._shell.tell(f"cutover {name}: it cannot be judged: {error!r}")
            await asyncio.sleep(self._tick)

    async def _judge(self, cutover: Cutover, state: State) -> None:
        """Raises StateLost."""
        if not state.is_running or not is_of(cutover, state):
            return
        happening = self._happening(cutover, state, self._shell.judge(cutover, state))
        if happening is None:
            return
        made = await self._decide(cutover, state, happening)
        if isinstance(made, Refusal) and made.refused is Refused.NOT_REHEARSED and state.phase is Phase.STEPPING:
            self._shell.tell(f"cutover {state.name}: its gates passed, and it takes no step: {made}")
            made = self._decided(cutover, state, HoldIsOver(self._node))
        if not isinstance(made, Entry):
            return
        if made.phase is Phase.ROLLED_BACK:
            await self._put_back_by_gate(cutover, made)
        elif not await self._append(made):
            await self._refresh(state.name)  # another was faster: the next tick looks again
        elif isinstance(happening, GateFailed):
            self._tell_back(made)

    async def _decide(self, cutover: Cutover, state: State, asked: Command | Happening) -> Entry | Refusal:
        """Rehearsals are looked up where the rules ask for one."""
        asks = cutover.rehearsed_within is not None and moves_on(state, asked)
        rehearsals = await self._shell.rehearsals() if asks else NO_REHEARSALS
        return self._decided(cutover, state, asked, rehearsals)

    def _decided(
        self, cutover: Cutover, state: State, asked: Command | Happening, rehearsals: Rehearsals = NO_REHEARSALS
    ) -> Entry | Refusal:
        return decide(cutover, self.holds.by_own_clock(state), asked, self._shell.now(), rehearsals)

    def _happening(self, cutover: Cutover, state: State, judged: Judged) -> Happening | None:
        is_held = not self.holds.left(cutover, state)
        match judged:
            case Failed(why=why, evidence=evidence):
                return GateFailed(self._node, why, evidence)
            case Passed(evidence=evidence) if is_held and next_step(cutover, state) is not None and not state.is_paused:
                return GatesPassed(self._node, evidence)
            case Passed() | Undecided():
                return HoldIsOver(self._node) if is_held and state.phase is Phase.STEPPING else None
            case _:
                assert_never(judged)

    async def _append(self, entry: Entry) -> bool:
        """Whether it is taken; then it is in force here. Raises StateLost."""
        try:
            is_taken = await self._store.append(entry)
        except BrokenJournal:  # another history came into the place of the one that it was decided on
            return False
        if is_taken:
            await self._refresh(entry.cutover)
        return is_taken

    async def _outrun(self, made: Entry) -> Refusal:
        await self._refresh(made.cutover)
        theirs = await self._store.journal(made.cutover, made.number - 1)
        reason = f"{made.cutover} was changed at the same moment: {_said(theirs)}"
        return Refusal(Refused.OUTRUN, reason, "look at it, and say it again if you still want it.")


def _phase(entry: Entry) -> str:
    return entry.phase.replace("_", " ")


def _said(entries: tuple[Entry, ...]) -> str:
    """By whom it went where."""
    each = (f"{entry.what} by {entry.who} ({entry.why}) to {written_share(entry.share)} %" for entry in entries)
    return ", ".join(each) or "nothing"


def _gone(state: State) -> str:
    at = f"{state.phase.replace('_', ' ')} at {written_share(state.share)} %"
    return (
        f"cutover {state.name}: it is {at} from {state.old} to {state.new}, and the rules have no cutover of that "
        "name: its clients go where the rules send them now; if they have it again, it goes on from there"
    )


def _other_arms(cutover: Cutover, state: State) -> str:
    return (
        f"cutover {state.name}: it is at {written_share(state.share)} % from {state.old} to {state.new}, and the rules "
        f"now say from {cutover.old.name} to {cutover.new.name}: everybody is on {cutover.old.name}: roll it back and "
        "start it anew, or load the rules that it was started by"
    )
