"""What a supervisor does for its workers beside starting and ending them: what they share, and what they tell it.

Law: none of this is asked for while a request runs; a worker goes on with what it was last told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from edgeproxy.control.capturing import Capturing
from edgeproxy.control.child import Child
from edgeproxy.control.control_socket import Words
from edgeproxy.control.ledger_file import LedgerFile
from edgeproxy.control.messages import Numbers
from edgeproxy.control.moving import Moving
from edgeproxy.control.purging import Purging
from edgeproxy.control.rates import Rates
from edgeproxy.control.shadowing import Shadowing
from edgeproxy.control.shares import Shares
from edgeproxy.control.sockets import Offer
from edgeproxy.control.start import Start
from edgeproxy.migration.old_side import sent_to_old_side
from edgeproxy.ruleset.model import Ruleset


class Services:
    """Of one edge. `rules`, `children`: those in use, and all workers that are there, those that drain included."""

    def __init__(
        self,
        state: Path | None,
        nodes: str | None,
        workers: int,
        offer: Offer | None,
        rules: Callable[[], Ruleset],
        children: Callable[[], Collection[Child]],
        numbers: Callable[[], Awaitable[Numbers]],
    ) -> None:
        """`offer`: of the edge that this one takes over from; `numbers`: asks for all counters. Raises CannotRun."""
        self._rules = rules
        self._rates = Rates(offer)
        self._purging = Purging(offer, rules)
        self._ledger = LedgerFile(state)
        self._shares = Shares(children)
        ways_back = {} if offer is None else offer.ways_back
        self._moving = Moving(state, nodes, rules, self._shares, self._purging.purge, ways_back)
        self._shadowing = Shadowing(state, rules, self._moving, numbers)
        self._capturing = Capturing(offer, children, workers)
        self.hear_found = self._shadowing.hear

    @property
    def commands(self) -> Mapping[str, Callable[[Words], Awaitable[Words]]]:
        """Of the control socket."""
        return {
            "purge": self._purging.purge,
            "ledger": self._show_ledger,
            "cutover": self._moving.do,
            "shadow": self._shadowing.do,
            "capture": self._capturing.do,
        }

    async def _show_ledger(self, words: Words) -> Words:
        """And who is sent to the old side by the rules themselves, of which it has nothing. Raises Refused."""
        sent = sent_to_old_side(self._rules(), self._shares.now)
        return {**await self._ledger.show(words), "sent": [asdict(each) for each in sent]}

    async def open(self) -> None:
        """Before any worker starts: it is given what is in force. Raises CannotRun."""
        await self._moving.open()

    def work(self) -> tuple[Coroutine[None, None, None], ...]:
        """What is to be run from then on."""
        return self._ledger.keep(), self._shadowing.file.keep(), self._moving.run()

    async def close(self, *, is_succeeded: bool) -> None:
        """The workers have said their last words. `is_succeeded`: another edge goes on in this one's place."""
        self._ledger.close()
        self._shadowing.file.close()
        await self._moving.close(is_succeeded=is_succeeded)

    async def reload(self) -> None:
        """The rules are others now."""
        await self._moving.reload()

    def keep_only(self, ruleset: Ruleset) -> None:
        self._rates.keep_only(ruleset)

    def offered(self, offer: Offer) -> Offer:
        """With what the edge of an upgrade takes over."""
        return replace(
            offer,
            rates=self._rates.descriptors(),
            purges=self._purging.fd,
            capture=self._capturing.now,
            ways_back=self._moving.hand_on(),
        )

    def take_back(self) -> None:
        """The other edge has not taken over."""
        self._moving.take_back()

    def new_child(
        self,
        number: int,
        start: Start,
        ruleset: Ruleset,
        on_leaving: Callable[[Child], None],
        on_ended: Callable[[Child], None],
    ) -> Child:
        """A worker that was started with what is in force, and is heard."""
        told = (self._ledger.add, self._moving.hear, self._shadowing.hear, self._capturing.hear)

        def ended(child: Child) -> None:
            self._capturing.lose(child)
            self._moving.lose(child)
            on_ended(child)

        child = Child(number, on_leaving, ended, *told)
        child.start(
            replace(
                start,
                rates=self._rates.of_worker(ruleset),
                purges=self._purging.fd,
                shares=self._shares.now,
                move=self._shares.number,
                lessons=self._shadowing.file.lessons,
                capture=self._capturing.now,
                tap=self._capturing.number,
            )
        )
        return child
