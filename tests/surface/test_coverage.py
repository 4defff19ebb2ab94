"""No statement of the facts about the sites is held by nothing: what holds each is written down, and is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp.test_utils import TestClient, TestServer
from packages import LAUNCH
from surface_facts import FACTS, quoted, statements
from surface_rows import read_rows

from backends.legacy import app as legacy
from backends.store import Store

HERE = Path(__file__).parent
TESTS = HERE.parent
COVERAGE: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "coverage.yaml").read_text())


@cache
def rows(site: str) -> list[str]:
    """How each row of the surface of a site begins: what it asks; then a call's name and arguments, or the status."""
    said = [row.said for file in HERE.glob(f"{site}*.yaml") for row in read_rows(file)]
    return [" ".join(map(str, (each["ask"], *(each.get("call") or [each["status"]])))) + " " for each in said]


def clauses(said: dict[str, Any]) -> dict[str, list[str]]:
    """What holds a statement, or each part of it that is named as it stands there. `[not, why]`: nothing does."""
    held = said.get("held", {})
    return held if isinstance(held, dict) else {"": held}


def is_there(named: str, section: str) -> bool:
    if named.startswith("rules/"):
        return (TESTS.parent / named).is_file()
    if "::" in named or named.endswith(".py"):
        file, _, name = named.partition("::")
        text = (TESTS / file).read_text() if (TESTS / file).is_file() else ""
        return bool(text) and (not name or re.search(rf"def {name}\(", text) is not None)
    return any(row.startswith(named) for row in rows("legacy" if section.startswith("1") else "modern"))


@pytest.mark.parametrize("statement", COVERAGE)
def test_what_holds_a_statement_is_there(statement: str) -> None:
    said = COVERAGE[statement]
    assert set(said) <= {"says", "held", "not"}
    assert said.get("held") or said.get("not"), "nothing holds it, and nobody says why"
    named = [each for names in clauses(said).values() if names[:1] != ["not"] for each in names]
    assert [each for each in named if not is_there(each, statement)] == []
    assert all(clauses(said).values()), "a part is held by nothing"


def facts() -> str:
    if FACTS is None:
        pytest.skip(
            "the facts are notes of where both sites' ways come from: shared/facts/ beside a checkout, and no part of it"
        )
    return FACTS.read_text()


def test_every_statement_of_the_facts_has_what_holds_it() -> None:
    found = statements(facts())
    assert list(COVERAGE) == list(found)
    assert [each for each, said in COVERAGE.items() if not found[each].startswith(said["says"])] == []
    parts = [(each, part) for each, said in COVERAGE.items() for part in clauses(said)]
    assert [(each, part) for each, part in parts if part not in found[each]] == []


async def test_every_action_of_the_old_site_is_known(world: tuple[Store, dict[str, str]]) -> None:
    """Whatever comes of it, it is not that there is no such action."""
    accepted = quoted(statements(facts())["1.0/3"])[0].split()
    assert len(accepted) > 40
    unknown = []
    async with TestClient(TestServer(legacy.make_app(world[0], lambda: LAUNCH))) as client:
        for action in ("nonsense", *accepted):
            path = f"/pypi?:action={action}&name=Flask&version=0.2&digest={world[1]['sdist_md5']}"
            async with client.get(path, headers={"User-Agent": "Mozilla/5.0"}, allow_redirects=False) as answer:
                if answer.status == 404 and answer.reason == "Not Found ()":
                    unknown.append(action)
    assert unknown == ["nonsense"]


async def test_every_method_of_the_old_site_is_known(world: tuple[Store, dict[str, str]]) -> None:
    found = statements(facts())
    tables = [text for each, text in found.items() if each.startswith("1.6/") and text.startswith("|")]
    methods = {name for text in tables for name in re.findall(r"`?\b([a-z]\w+)(?=\(|`)", text.split("|")[1])}
    methods |= {"package_urls", "package_data"}
    assert len(methods) > 20
    unknown = []
    async with TestClient(TestServer(legacy.make_app(world[0], lambda: LAUNCH))) as client:
        for method in ("nonsense", *sorted(methods - {"listMethods", "methodSignature", "methodHelp", "multicall"})):
            call = f"<methodCall><methodName>{method}</methodName></methodCall>"
            async with client.post("/pypi", data=call, headers={"Content-Type": "text/xml"}) as answer:
                if "is not supported" in await answer.text():
                    unknown.append(method)
    assert unknown == ["nonsense"]
