"""What only a backend knows of its redirects' targets, as languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.ruleset.automata.captures import Captures
from edgeproxy.ruleset.automata.language import text, texts
from edgeproxy.ruleset.automata.normal import NORMAL_SEGMENT
from edgeproxy.ruleset.automata.respelled import project_of, respelled, with_unknown
from edgeproxy.ruleset.origins import Unknown

SPELLINGS = st.text("aBz09-_.~!", min_size=1, max_size=6).filter(lambda name: name not in (".", ".."))


@given(SPELLINGS, SPELLINGS)
def test_spellings_of_one_project_are_those_with_one_normalised_name(one: str, other: str) -> None:
    assert (other in respelled(text(one))) == (project_of(one) == project_of(other))


@pytest.mark.parametrize("spelling", ["Flask-Login", "flask_login", "FLASK.-_login"])
def test_a_project_can_be_spelled_so(spelling: str) -> None:
    assert spelling in respelled(texts(["flask-login", "requests"]))


def test_an_escaped_character_is_the_character() -> None:
    assert "a%21b" in respelled(text("A!b"))
    assert "a!b" in respelled(text("A%21b"))
    assert "%C3%A9" in respelled(text("%C3%A9"))


def test_what_a_backend_chooses_freely_is_any_segment() -> None:
    captures = with_unknown(Captures({"name": text("a")}), (Unknown("digest"), Unknown("name|respelled", "name")))
    assert captures.by_name["digest"].is_same(NORMAL_SEGMENT)
    assert captures.by_name["name|respelled"].is_same(texts(["a", "A"]))
