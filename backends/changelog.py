"""The change log as XML-RPC tells it: arrays of a name, a version, a time, what was done, and the serial.

The most that are told at once are 13 MB, for which the standard library's marshaller takes a second. Here they are
written as they are read, in half of that and in steps of 10 ms. The log only grows, so that the steps fit together,
whatever is added meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from backends.marshalling import ARRAY, ARRAY_END, Written, number, string
from backends.steps import Steps
from backends.store import Change, Store
from backends.store.reading import MOST_CHANGES

CHANGES_A_STEP: Final = 1_000

_NOTHING: Final = "<value><nil/></value>"  # after which there is no line end


def changes_after(store: Store, serial: int) -> Steps[Written]:
    return _told(lambda last, most: store.changes_after(serial if last is None else last.serial, most), True)


def changes_since(store: Store, moment: datetime, with_serials: bool) -> Steps[Written]:
    def more(last: Change | None, most: int) -> list[Change]:
        return store.changes_since(moment, most) if last is None else store.changes_next_to(last, most)

    return _told(more, with_serials)


def _told(more: Callable[[Change | None, int], list[Change]], with_serials: bool) -> Steps[Written]:
    pieces, last, left = [ARRAY], None, MOST_CHANGES
    while left > 0 and (changes := more(last, min(left, CHANGES_A_STEP))):
        pieces.append("".join([_row(change, with_serials) for change in changes]).encode())
        last, left = changes[-1], left - len(changes)
        yield
    return Written((*pieces, ARRAY_END))


def _row(change: Change, with_serials: bool) -> str:
    """As `xmlrpc.client` writes it."""
    version = _NOTHING if change.version is None else f"{string(change.version)}\n"
    serial = f"{number(change.serial)}\n" if with_serials else ""
    return (
        f"<value><array><data>\n{string(change.project)}\n{version}{number(int(change.moment.timestamp()))}\n"
        f"{string(change.action)}\n{serial}</data></array></value>\n"
    )
