"""Cutovers in a running edge: their store, their controller, what is asked of them, and the shares in every worker.

Laws of this module:
- a command is answered when what it put in force is in force in every worker of this edge;
- without a store nothing moves: a share that nobody remembers would fall back at the next start;
- when nobody is left on a new arm, nothing that it answered is kept, though it was left while this edge was not there;
  nor is, when a cutover is started, what clients with a token have asked of it before.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from edgeproxy.control.child import Child
from edgeproxy.control.control_socket import Refused, Words
from edgeproxy.control.cutovers import Cutovers, Shell, WaysBack
from edgeproxy.control.failures import CannotRun
from edgeproxy.control.judging import Judging, unjudged, unseen
from edgeproxy.control.messages import Tallied
from edgeproxy.control.rehearsal_file import Known, Unusable
from edgeproxy.control.shares import Shares
from edgeproxy.migration.commands import Abort, Command, Finish, Pause, Refusal, Resume, Rollback, SetShare, Start, Step
from edgeproxy.migration.comparing.findings import Counted, Period
from edgeproxy.migration.cutover import next_step
from edgeproxy.migration.journal import replay
from edgeproxy.migration.phases import State
from edgeproxy.migration.rehearsal import Rehearsals, places_of, told
from edgeproxy.proxy.plan import arm_tag
from edgeproxy.ruleset.arms import WHOLE, Cutover, Split
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.state.open import open_store
from edgeproxy.state.store import CannotOpen, StateLost, Store
from edgeproxy.telemetry.stderr import tell

NAME: Final = "cutovers.sqlite"
REMEMBERED: Final = "cutovers-known.jsonl"  # beside a store that is elsewhere
NOBODY: Final[WaysBack] = {}
_PAUSE: Final = 1.0  # seconds before a controller that failed begins anew
VERBS: Final = ("start", "step", "pause", "resume", "set", "rollback", "finish", "abort")
_KEYS: Final = frozenset({"cutover", "verb", "who", "why", "share", "force"})


class Moving:
    """`directory`: of `run --state`; `location`: a store that several nodes share, instead of the directory's own."""

    def __init__(
        self,
        directory: Path | None,
        location: str | None,
        rules: Callable[[], Ruleset],
        shares: Shares,
        purge: Callable[[Words], Awaitable[Words]],
        ways_back: WaysBack = NOBODY,
    ) -> None:
        """`ways_back`: of the edge that this one takes over from."""
        self._directory = directory
        self._location = location
        self._rules = rules
        self._shares = shares
        self._judging = Judging(rules, shares)
        self._rehearsed = Known(directory)
        self._purge = purge
        self._taken_over = ways_back
        self._handed_on: WaysBack = {}
        self._store: Store | None = None
        self._cutovers: Cutovers | None = None
        self._node = socket.gethostname()
        self._putting: set[asyncio.Task[None]] = set()
        self._late: set[asyncio.Task[None]] = set()
        self._published: dict[str, int] = {}  # shares of cutovers that are started
        self._is_open = False

    # -- for the supervisor -------------------------------------------------------------------------------------

    async def open(self) -> None:
        """What is in force by the journals is in `shares` when it returns. Raises CannotRun."""
        location = self._location or (None if self._directory is None else str(self._directory / NAME))
        if location is None:
            return
        remembered = None if self._directory is None else self._directory / REMEMBERED
        try:
            self._store = await open_store(location, self._node, remembered)
        except CannotOpen as error:
            raise CannotRun(f"--state: {error}") from None
        shell = Shell(
            cutovers=lambda: {each.name: each for each in self._rules().cutovers},
            judge=self._judging.judge,
            publish=self._publish,
            tell=tell,
            rehearsals=self._known_rehearsals,
        )
        self._cutovers = Cutovers(self._store, shell, self._node, ways_back=self._taken_over)
        await self._cutovers.reload()
        unknown = sorted({each.name for each in self._rules().cutovers} - self._cutovers.states.keys())
        if unknown and self._store.lost is not None:  # they may be at 100 %, and the old side be off
            why, name = self._store.lost, unknown[0]
            await self._store.close()
            again = "start when it is there; with --state DIR an edge remembers what it knew"
            raise CannotRun(f"--nodes: {why}: nobody knows on which side the clients of {name} are: {again}")
        await self._settled()
        if self._rules().cache.directory is not None:
            await self._forget(*(each.name for each in self._rules().cutovers if not self._published.get(each.name)))
        self._is_open = True

    @property
    def ways_back(self) -> WaysBack:
        """Rollbacks that are in force here, and that the store has not taken."""
        return {} if self._cutovers is None else self._cutovers.ways_back

    async def run(self) -> None:
        """Follow the journals, for ever."""
        while self._cutovers is not None:
            try:
                await self._cutovers.run()
            except Exception as error:  # noqa: BLE001  # the supervisor of this task: shares stay as they are meanwhile
                tell(f"unexpected: cutovers: {type(error).__name__}: {error}: they are followed anew")
            await asyncio.sleep(_PAUSE)

    async def reload(self) -> None:
        """The rules are others now."""
        if self._cutovers is not None:
            await self._cutovers.reload()
            await self._settled()

    def hear(self, child: Child, tallied: Tallied) -> None:
        """What a worker has counted of exchanges under cutovers."""
        for name, number in self._judging.hear(child.pid, tallied).items():
            tell(f"cutover {name}: {number} more exchanges wait in worker {child.pid} than are watched")

    def lose(self, child: Child) -> None:
        """A worker is gone."""
        self._judging.lose(child.pid)

    def hear_shadows(self, periods: Mapping[Period, Counted]) -> None:
        """What a worker has compared of shadows."""
        self._judging.hear_shadows(periods)

    def shown(self, name: str) -> dict[str, object] | None:
        """One cutover, as its status has it; None: the rules know none of that name, or nobody can be moved."""
        cutover = next((each for each in self._rules().cutovers if each.name == name), None)
        if cutover is None or self._cutovers is None:
            return None
        return self._shown(self._cutovers, cutover, self._cutovers.states.get(name) or State(name))

    def hand_on(self) -> WaysBack:
        """To the edge that takes over from this one."""
        self._handed_on = {} if self._cutovers is None else self._cutovers.hand_on()
        return self._handed_on

    def take_back(self) -> None:
        """It has not taken over."""
        if self._cutovers is not None:
            self._cutovers.take_back()

    async def close(self, *, is_succeeded: bool = False) -> None:
        handed_on = self._handed_on if is_succeeded else {}
        for name, (who, why) in self.ways_back.items():
            if name not in handed_on:
                lost = f"its rollback by {who} ({why}) was not written down"
                tell(f"cutover {name}: {lost}: whoever starts next is without it")
        for task in (*self._putting, *self._late):
            task.cancel()
        if self._store is not None:
            await self._store.close()

    # -- the command of the control socket ----------------------------------------------------------------------

    async def do(self, words: Words) -> Words:
        """Raises Refused."""
        unknown = sorted(words.keys() - _KEYS)
        if unknown:
            raise Refused(f"cutover: unknown key {unknown[0]!r}: there are {', '.join(sorted(_KEYS))}")
        if self._cutovers is None or self._store is None:
            raise Refused("this edge keeps no state, so nobody can be moved: start it by `edgeproxy run … --state DIR`")
        name, verb = _text(words, "cutover"), _text(words, "verb")
        try:
            if verb == "status":
                return await self._status(self._cutovers, self._store, name)
            command = _command(verb, words, self._rules())
            made = await self._cutovers.do(name, command)
        except StateLost as error:
            raise Refused(f"cutover {name}: {error}") from None
        if isinstance(made, Refusal):
            raise Refused(str(made))
        await self._settled()
        return {"entry": asdict(made), "in_force": self._shares.is_everywhere, "lost": self._store.lost}

    async def _status(self, cutovers: Cutovers, store: Store, name: str) -> Words:
        """Of one, with its journal, or of all."""
        its = {each.name: each for each in self._rules().cutovers}
        if name and name not in its:
            raise Refused(f"no cutover is named {name!r}: {', '.join(sorted(its)) or 'the rules have none'}")
        wanted = [name] if name else sorted(its)
        journal = await store.journal(name) if name else ()
        # Of one, what the journal beside it says: it may have moved just now.
        states = {name: replay(name, journal)} if name else cutovers.states
        found = [self._shown(cutovers, its[each], states.get(each) or State(each)) for each in wanted]
        for each in found:
            cutover = its[str(each["name"])]
            asks = cutover.rehearsed_within is not None
            each["rehearsal"] = told(cutover, await self._known_rehearsals(), time.time()) if asks else None
        return {"cutovers": found, "journal": [asdict(entry) for entry in journal], "lost": store.lost}

    def _shown(self, cutovers: Cutovers, cutover: Cutover, state: State) -> dict[str, object]:
        return {
            **asdict(state),
            "from": cutover.old.name,
            "to": cutover.new.name,
            "steps": list(cutover.steps),
            "way_back": self.ways_back.get(cutover.name),
            "next": next_step(cutover, state) if state.is_running else None,
            "hold_left": cutovers.holds.left(cutover, state) if state.is_running else 0.0,
            "has_gates": cutover.has_gates,
            "gates": [each.as_json() for each in self._judging.evidences(cutover, state)],
            "unjudged": unjudged(cutover, state, self._rules()),
            "unseen": unseen(cutover, state, self._rules()),
        }

    async def _known_rehearsals(self) -> Rehearsals:
        """Raises StateLost."""
        ruleset = self._rules()
        try:
            return Rehearsals(ruleset.digest, places_of(ruleset), await self._rehearsed.now())
        except Unusable as error:
            raise StateLost(str(error)) from None

    # -- from the controller ------------------------------------------------------------------------------------

    def _publish(self, split: Split, started: bool) -> None:
        name, share = split.name, split.arms[-1].share
        before = self._published.pop(name, None)
        if started:
            self._published[name] = share
        is_emptied = self._is_open and not share and (bool(before) or started != (before is not None))
        emptied = name if is_emptied else None
        task = asyncio.get_running_loop().create_task(self._put(dict(self._published), emptied))
        self._putting.add(task)
        task.add_done_callback(self._putting.discard)

    async def _put(self, shares: Mapping[str, int], emptied: str | None) -> None:
        await self._shares.put(shares)
        if emptied is None:
            return
        await self._forget(emptied)
        if not self._shares.is_everywhere:
            again = asyncio.get_running_loop().create_task(self._forget_again(emptied, self._shares.late))
            self._late.add(again)
            again.add_done_callback(self._late.discard)

    async def _forget(self, *cutovers: str) -> None:
        """What their new arms answered."""
        if not cutovers or not self._rules().has_caches:
            return
        try:
            await self._purge({"tags": [arm_tag(each) for each in cutovers], "hard": True})
        except Refused as error:
            tell(f"cutover {', '.join(cutovers)}: {error}")

    async def _forget_again(self, cutover: str, late: Collection[asyncio.Future[None]]) -> None:
        """A worker that is late has asked the new arm until it heard, and kept what that said."""
        await asyncio.wait(late)
        await self._forget(cutover)

    async def _settled(self) -> None:
        while self._putting:
            await asyncio.wait(set(self._putting))


def _command(verb: str, words: Words, ruleset: Ruleset) -> Command:
    who, why, is_forced = _text(words, "who"), _text(words, "why"), words.get("force", False) is True
    match verb:
        case "start":
            return Start(who, why, ruleset.digest)
        case "step":
            return Step(who, why, is_forced)
        case "pause":
            return Pause(who, why)
        case "resume":
            return Resume(who, why)
        case "set":
            return SetShare(who, why, _share(words))
        case "rollback":
            return Rollback(who, why)
        case "finish":
            return Finish(who, why, is_forced)
        case "abort":
            return Abort(who, why)
        case _:
            raise Refused(f"cutover: {verb!r} is none of {', '.join(VERBS)}, status")


def _share(words: Words) -> int:
    share = words.get("share")
    if type(share) is not int or not 0 <= share <= WHOLE:
        raise Refused(f"cutover: `share` is thousandths of a percent, 0 to {WHOLE}")
    return share


def _text(words: Words, key: str) -> str:
    value = words.get(key, "")
    if not isinstance(value, str):
        raise Refused(f"cutover: `{key}` is a string")
    return value
