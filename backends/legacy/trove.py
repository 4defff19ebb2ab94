"""The browse page: classifiers that are chosen, those that narrow the choice, and what has them all."""

from __future__ import annotations

from backends.legacy.asked import Browse
from backends.legacy.library import Library
from backends.legacy.lists import browse
from backends.legacy.pages import BrowsePage, browse_page
from backends.legacy.site import page_path

_SHOWN_UNASKED = 30  # so many releases are listed without `show=all`


def browse_page_of(asked: Browse, library: Library) -> str:
    known = library.store.classifiers()
    chosen = [number for number in asked.numbers if number in known]
    releases = browse([known[number] for number in chosen], library) if chosen else []
    shown = releases if len(releases) < _SHOWN_UNASKED or asked.show_all else []
    narrower = {name for release in releases for name in release.several("classifiers")}
    others = [
        (number, name, _url([*chosen, number]))
        for number, name in known.items()
        if number not in chosen and (not chosen or name in narrower)
    ]
    rows = [(one.project, one.version, page_path(one.project, one.version), one.summary) for one in shown]
    page = BrowsePage(
        [(number, known[number]) for number in chosen], others, len(releases), rows, f"{_url(chosen)}&show=all"
    )
    return browse_page(page)


def _url(numbers: list[int]) -> str:
    return "/pypi?:action=browse" + "".join(f"&c={number}" for number in sorted(numbers))
