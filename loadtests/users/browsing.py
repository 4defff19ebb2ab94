"""Somebody with a browser: the front page, a search, a project, and what these pages are made of."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final
from urllib.parse import quote

from loadtests.users import headers as say
from loadtests.users.headers import conditional, filled
from loadtests.users.pages import assets_of
from loadtests.users.steps import OK_OR_SAME, Ask, Heard, Pause, Step, Walk, World

_READS: Final = 1.5  # seconds, on average, on a page


def browser(world: World) -> Walk:
    """`known` is its cache; what it has seen in this session it shows without asking, as there is no lifetime said."""
    shown: set[str] = set()
    project = world.project()
    paths = {
        "front page": "/",
        "search": f"/search/?q={quote(project)}",
        "project page": f"/project/{project}/",
    }
    for number, (what, path) in enumerate(paths.items()):
        if number:
            yield Pause(world.dice.expovariate(1 / _READS))
        url = world.index + path
        page = yield Ask(f"browser: {what}", url, filled(say.BROWSER_PAGE, url))
        assert page is not None, "every question has an answer"
        for asset, kind in assets_of(page):
            if asset not in shown:
                shown.add(asset)
                yield from _asset(world, asset, kind, page.url)


def _asset(world: World, url: str, kind: str, referer: str) -> Generator[Step, Heard | None, None]:
    kept = world.known.get(url)
    headers = filled(say.browser_asset(kind, referer), url)
    if kept is not None:
        headers = conditional(headers, kept.headers.get("etag"))
    heard = yield Ask(f"browser: {kind}", url, headers, expects=OK_OR_SAME)
    if heard is not None and heard.status != 304:
        world.keep(url, heard)
