"""What people read can be used by everybody: an automated pass (axe-core) over every page, and what it cannot see.

On a wide window in light colours and on one of a telephone in dark ones, where a page has them.
"""

from __future__ import annotations

from secrets import token_hex
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from indexed import Index
from playwright.sync_api import Page

from browser.showcase import LONG

pytestmark = pytest.mark.clients

NEW, OLD = "http://pypi.test", "http://legacy.pypi.test"
PAGES = (
    f"{NEW}/",
    f"{NEW}/project/Hammer/",
    f"{NEW}/project/Hammer/0.9/",  # yanked
    f"{NEW}/project/tool/",  # its description is reStructuredText
    f"{NEW}/project/done/",  # archived
    f"{NEW}/project/{LONG}/",
    f"{NEW}/search/",
    f"{NEW}/search/?q=nail",
    f"{NEW}/search/?q=nail&page=2",
    f"{NEW}/search/?q=nothingness",
    f"{NEW}/search/?c=Topic+%3A%3A+Internet",
    f"{NEW}/classifiers/",
    f"{NEW}/help/",
    f"{NEW}/stats/",
    f"{NEW}/user/ada/",
    f"{NEW}/nowhere/",
    f"{OLD}/pypi",
    f"{OLD}/pypi/Hammer",
    f"{OLD}/pypi/Hammer/1.1",
    f"{OLD}/pypi/",
    f"{OLD}/pypi?:action=browse",
    f"{OLD}/pypi?:action=browse&c=1",
    f"{OLD}/pypi?:action=search&term=nail",
    f"{OLD}/pypi?:action=files&name=Hammer&version=1.1",
    f"{OLD}/pypi?:action=about",
    f"{OLD}/pypi?:action=register_form",
    f"{OLD}/mirrors",
)
# Their HTML is the surface that pip and others know, to the letter, and has no room for landmarks.
FOR_PROGRAMS = (f"{NEW}/simple/", f"{NEW}/simple/hammer/", f"{OLD}/simple/hammer/")

WINDOWS = ((1280, "light"), (360, "dark"))
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page, rules: list[str]) -> list[str]:
    found: dict[str, Any] = Axe().run(page, options={"runOnly": rules}).response
    return [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]


@pytest.mark.parametrize("page", WINDOWS, indirect=True, ids=str)
@pytest.mark.parametrize("url", PAGES)
def test_axe_finds_nothing(page: Page, url: str) -> None:
    page.goto(url)
    assert violations(page, RULES) == []


@pytest.mark.parametrize("page", WINDOWS, indirect=True, ids=str)
def test_one_registers_at_the_old_site_and_axe_finds_nothing_on_the_way(page: Page, index: Index) -> None:
    name, password = f"eve-{token_hex(4)}", "Open-Sesame-1"
    page.goto(f"{OLD}/pypi?:action=user&name={name}&password={password}&confirm={password}&email={name}@pypi.test")
    assert (heading(page), violations(page, RULES)) == ("Registration OK", [])
    [letter] = (index.directory / "outbox").glob(f"{name}-*")
    page.goto(f"{OLD}/pypi?:action=user&otk={letter.read_text().rpartition('otk=')[2].strip()}")
    assert (heading(page), violations(page, RULES), overflow(page)) == ("Confirm registration", [], 0)
    page.get_by_label("I agree to the terms of service.").focus()
    for key in ("Space", "Tab", "Tab", "Enter"):  # past the link to the terms
        page.keyboard.press(key)
    page.wait_for_url(f"{OLD}/pypi")
    assert (heading(page), violations(page, RULES)) == ("Registration complete", [])


def heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


@pytest.mark.parametrize("url", FOR_PROGRAMS)
def test_a_page_for_programs_has_names_and_contrast_all_the_same(page: Page, url: str) -> None:
    page.goto(url)
    assert violations(page, ["cat.color", "cat.name-role-value", "cat.text-alternatives"]) == []


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


@pytest.mark.parametrize("url", PAGES)
def test_nothing_is_beyond_the_edge_of_the_window(page: Page, url: str) -> None:
    page.goto(url)
    for width in (768, 360, 320):  # the last is a window of 1280 at 400 %: what WCAG asks of reflow (1.4.10)
        page.set_viewport_size({"width": width, "height": 740})
        assert overflow(page) <= 0, width


SPACED = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-bottom: 2em !important }"


CUT = """[...document.querySelectorAll('h1, h2, p, li, a, code, label, button')]
    .filter(it => getComputedStyle(it).overflow === 'hidden' && it.scrollHeight > it.clientHeight + 1).length"""


@pytest.mark.parametrize(
    ("width", "style"), [(360, SPACED), (768, "html { font-size: 200% }")], ids=["wider", "larger"]
)
@pytest.mark.parametrize("url", [f"{NEW}/project/Hammer/", f"{NEW}/search/?q=nail", f"{OLD}/pypi/Hammer/1.1"])
def test_text_may_be_set_wider_or_larger(page: Page, url: str, width: int, style: str) -> None:
    """WCAG 1.4.12, and letters of twice the size (1.4.4): nothing is cut off."""
    page.goto(url)
    page.set_viewport_size({"width": width, "height": 740})
    page.add_style_tag(content=style)
    assert (page.evaluate(CUT), overflow(page)) == (0, 0)


FOCUSABLE = "a[href], button, input:not([type=hidden]):not(:disabled), summary"
FOCUSED = """() => {
    const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();
    return {number: [...document.querySelectorAll(`FOCUSABLE`)].indexOf(it), width: box.width, height: box.height,
            top: box.top, left: box.left, outline: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth)};
}""".replace("FOCUSABLE", FOCUSABLE)


@pytest.mark.parametrize("page", [(1280, "light"), (360, "dark")], indirect=True, ids=str)
@pytest.mark.parametrize(
    "url", [PAGES[0], *PAGES[1:3], PAGES[7], f"{OLD}/pypi/Hammer/1.1", f"{OLD}/pypi?:action=browse"]
)
def test_the_keyboard_reaches_everything_in_order_and_one_sees_where_it_is(page: Page, url: str) -> None:
    page.goto(url)
    count = page.locator(FOCUSABLE).count()
    assert count > 5
    reached = []
    for _ in range(count):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at["number"] == -1:  # what scrolls sideways is reached, too, and has no number
            page.keyboard.press("Tab")
            at = page.evaluate(FOCUSED)
        reached.append(at["number"])
        assert at["outline"] >= 2, at
        assert at["width"] > 1, at
        assert at["height"] > 1, at
        assert 0 <= at["top"] < 740, at
        assert at["left"] >= 0, at
    assert reached == list(range(count))


def test_the_first_thing_leads_past_the_header(page: Page) -> None:
    page.goto(f"{NEW}/project/Hammer/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize(
    ("start", "label", "end"),
    [
        (f"{NEW}/", "Search projects", f"{NEW}/search/?q=nail"),
        (f"{OLD}/pypi", "Search packages", f"{OLD}/pypi?%3Aaction=search&term=nail"),
    ],
)
def test_one_searches_and_comes_to_a_project_by_keyboard_alone(page: Page, start: str, label: str, end: str) -> None:
    page.goto(start)
    page.get_by_label(label).focus()
    page.keyboard.type("nail")
    page.keyboard.press("Enter")
    page.wait_for_url(end)
    page.get_by_role("link", name="nail-0 1.0").focus()
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    assert heading(page) == "nail-0 1.0"


def test_a_description_s_headings_stand_below_the_page_s_own(page: Page) -> None:
    page.goto(f"{NEW}/project/Hammer/")
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(it => [it.tagName, it.innerText])")
    assert levels == [
        ["H1", "Hammer 1.1"],
        ["H2", "Description"],
        ["H3", "Hammer"],
        ["H4", "A heading that skips two levels"],
        ["H3", "A second heading of the first level"],
        ["H2", "Files"],
        ["H2", "Details"],
        ["H2", "Releases"],
    ]


def test_a_file_is_downloaded_from_the_host_of_files_and_nothing_else_is_loaded(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{NEW}/project/tool/")
    ours = [url for url in asked if "pictures.test" not in url and not url.endswith("/favicon.ico")]
    assert ours == [f"{NEW}/project/tool/", f"{NEW}/static/site.css"]
    with page.expect_download() as waiting:
        page.get_by_role("link", name="tool-1.0-py3-none-any.whl").click()
    assert waiting.value.url.startswith("http://files.pypihosted.test/packages/")
