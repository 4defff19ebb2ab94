"""Descriptions are rendered in a process that ends at a deadline, and nobody waits for others' for long."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from backends.modern.describing import LONGEST, Describing
from backends.store import Release

# Of a kind whose time grows by its square: 6.5 s at this length, where a deadline below is a fiftieth of a second.
HOSTILE = "> " * 32_000
SHORT, LONG = 0.02, 60.0  # seconds of CPU time


def release(text: str, content_type: str = "text/markdown") -> Release:
    metadata = {"description": text, "description_content_type": content_type}
    return Release("flask", "1.0", metadata, datetime(2018, 4, 16, tzinfo=UTC), False, None)


@pytest.fixture
async def hasty() -> AsyncIterator[Describing]:
    describing = Describing(deadline=SHORT, patience=LONG)
    yield describing
    await describing.close()


async def html(describing: Describing, text: str, content_type: str = "text/markdown") -> str:
    found = await describing.described(release(text, content_type))
    assert found is not None
    assert found.is_lasting
    return found.html


async def test_what_takes_too_long_is_shown_as_it_is_and_not_begun_again(hasty: Describing) -> None:
    shown = await html(hasty, HOSTILE)
    assert shown.startswith("&gt; &gt;")
    assert hasty.started == 1
    assert await html(hasty, HOSTILE) == shown
    assert hasty.started == 1


async def test_after_one_that_took_too_long_others_are_rendered() -> None:
    describing = Describing(deadline=1.0, patience=LONG)
    try:
        assert "&gt; &gt;" in await html(describing, HOSTILE)
        assert "<em>micro</em>" in await html(describing, "A *micro* framework")
        assert "<em>micro</em>" in await html(describing, "A *micro* framework, too", "text/x-rst")
        assert describing.started == 2
    finally:
        await describing.close()


async def test_what_many_ask_for_is_rendered_once_in_one_process() -> None:
    describing = Describing(deadline=LONG, patience=LONG)
    try:
        shown = await asyncio.gather(*(html(describing, "*once*") for _ in range(50)))
        assert (len(set(shown)), describing.started) == (1, 1)
    finally:
        await describing.close()


async def test_who_would_wait_too_long_gets_the_text_as_it_is_for_the_moment() -> None:
    describing = Describing(deadline=LONG, patience=0.0)
    try:
        found = await describing.described(release("*soon*"))
        assert found is not None
        assert (found.html, found.is_lasting) == ("*soon*", False)
    finally:
        await describing.close()


@pytest.mark.parametrize("turns", range(1, 9))
async def test_a_process_that_is_just_being_started_is_ended_with_the_rest(turns: int) -> None:
    """One that nobody waits for any more would be there when the loop is closed."""
    describing = Describing(deadline=LONG, patience=0.0)
    task = asyncio.create_task(describing.described(release("*soon*")))
    for _ in range(turns):
        await asyncio.sleep(0)
    await describing.close()
    await task
    gc.collect()


async def test_more_than_can_wait_are_not_kept_waiting() -> None:
    describing = Describing(deadline=LONG, patience=LONG)
    waiting = [asyncio.create_task(describing.described(release(f"{HOSTILE}{number}"))) for number in range(32)]
    await asyncio.sleep(0)  # each of them has begun
    try:
        found = await describing.described(release("*one more*"))
        assert found is not None
        assert (found.html, found.is_lasting) == ("*one more*", False)
    finally:
        await describing.close()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_no_description_is_none(hasty: Describing) -> None:
    assert await hasty.described(release(" \n ")) is None


@pytest.mark.parametrize(("letter", "shown"), [("*", "*"), ("\n", "<br>"), ("<", "&lt;"), ("&", "&amp;")])
async def test_of_a_long_one_the_beginning_is_shown_as_it_is_and_the_page_says_so(
    hasty: Describing, letter: str, shown: str
) -> None:
    told = "<p><strong>These are the first 65,536 of 7,000,001 characters.</strong></p>"
    assert await html(hasty, "x" + letter * 7_000_000) == f"{told}x{shown * (LONGEST - 1)}"
    assert hasty.started == 0


async def test_what_is_shown_as_it_is_is_text_to_a_browser(hasty: Describing) -> None:
    written = '<script>1 && 2</script>\nit\'s "text"'
    assert await html(hasty, written, "text/plain") == '&lt;script&gt;1 &amp;&amp; 2&lt;/script&gt;<br>it\'s "text"'
