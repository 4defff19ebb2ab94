"""The browse page: classifiers that are chosen, those that narrow the choice, and what has them all."""

from __future__ import annotations

from collections.abc import Sequence

from backends.legacy.asked import Browse
from backends.legacy.library import Library
from backends.legacy.lists import browse
from backends.legacy.pages import BrowsePage, browse_page
from backends.steps import Steps, joined

_AT_ONCE = 1_000
_SHOWN_UNASKED = 30  # so many releases are listed without `show=all`


def browse_page_of(asked: Browse, library: Library) -> Steps[str]:
    known = library.store.classifiers()
    chosen = [number for number in asked.numbers if number in known]
    releases = (yield from browse([known[number] for number in chosen], library)) if chosen else {}
    narrower = (yield from _narrower([*releases], library)) if chosen else set(known)
    others = [
        (number, name, _url([*chosen, number]))
        for number, name in known.items()
        if number in narrower and number not in chosen
    ]
    shown = releases.values() if len(releases) < _SHOWN_UNASKED or asked.show_all else ()
    page = BrowsePage([(number, known[number]) for number in chosen], others, len(releases), f"{_url(chosen)}&show=all")
    return (yield from joined(browse_page(page, shown)))


def _narrower(releases: Sequence[int], library: Library) -> Steps[set[int]]:
    """The classifiers that some of these have."""
    found: set[int] = set()
    for at in range(0, len(releases), _AT_ONCE):
        found |= library.store.narrowing(releases[at : at + _AT_ONCE])
        yield
    return found


def _url(numbers: list[int]) -> str:
    return "/pypi?:action=browse" + "".join(f"&c={number}" for number in sorted(numbers))
