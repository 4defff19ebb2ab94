"""The table of rate limits that all workers share: made when a rule has a rate, and kept while workers come and go.

A client that is at its limit stays there over a worker's replacement, a reload and an upgrade. Only rules with another
number of slots begin a new table: clients have a full burst again, as new ones have.
"""

from __future__ import annotations

import os

from edgeproxy.control.sockets import Offer
from edgeproxy.proxy.rate import NotARateTable, RateTable
from edgeproxy.ruleset.model import Ruleset


class Rates:
    """Tables by their slots: one, and during a reload that asks for another size, two."""

    def __init__(self, offer: Offer | None = None) -> None:
        self._tables: dict[int, RateTable] = {}
        for slots, fd in offer.rates.items() if offer is not None else ():
            try:
                self._tables[slots] = RateTable.adopt(fd)
            except NotARateTable:  # of an edge whose tables were different
                os.close(fd)

    def of_worker(self, ruleset: Ruleset) -> int | None:
        """The descriptor of the table that rules need, if they need one. Raises OSError."""
        if not ruleset.has_rates:
            return None
        slots = ruleset.limits.rate_slots
        if slots not in self._tables:
            self._tables[slots] = RateTable.create(slots)
        return self._tables[slots].fd

    def keep_only(self, ruleset: Ruleset) -> None:
        kept = ruleset.limits.rate_slots if ruleset.has_rates else None
        for slots in [slots for slots in self._tables if slots != kept]:
            self._tables.pop(slots).close()

    def descriptors(self) -> dict[int, int]:
        """By slots: to hand them on."""
        return {slots: table.fd for slots, table in self._tables.items()}
