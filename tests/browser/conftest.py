"""Both sites on one index behind an edge, and a Chromium that has the edge as its proxy, as people had theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_program import OPTIONS, browser_or_skip
from indexed import Index, index_behind_the_edge
from playwright.sync_api import Browser, Page, sync_playwright

from backends.store import Store
from browser.showcase import fill


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """On the last day on which the old site registered accounts."""
    place = tmp_path_factory.mktemp("browser")
    with Store(place / "store") as store:
        fill(store)
    with index_behind_the_edge(place, of_old=("--era", "2018-02-17")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium(index: Index) -> Iterator[Browser]:
    program: Path = browser_or_skip()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(OPTIONS), proxy={"server": index.edge})
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """`request.param`, where it is given, is the width of the window and the scheme of colours."""
    width, scheme = getattr(request, "param", (1280, "light"))
    # the sites' policy allows no script, and axe is one
    context = chromium.new_context(
        bypass_csp=True, viewport={"width": width, "height": 740}, color_scheme=scheme, user_agent="Mozilla/5.0 (tests)"
    )
    page = context.new_page()
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    yield page
    context.close()
    assert failed == []
