"""What filters make of a capture."""

from __future__ import annotations

import pytest

from edgeproxy.ruleset.automata.filters import image_under
from edgeproxy.ruleset.automata.language import text
from edgeproxy.ruleset.filters import Filter, filtered


@pytest.mark.parametrize(
    ("captured", "filters", "expected"),
    [
        ("Zope.Interface", (Filter.PEP503,), "zope-interface"),
        ("a-_.B", (Filter.PEP503,), "a-b"),
        ("FLASK", (Filter.LOWER,), "flask"),
        ("%C3%89cole", (Filter.LOWER,), "%C3%89cole"),  # É: only A to Z have a lower case here
        ("%E2%84%AA.A", (Filter.PEP503,), "%E2%84%AA-a"),  # the Kelvin sign, whose lower case would be a k
        ("%C3%89cole", (Filter.FIRST,), "%C3%89"),
        ("%21a", (Filter.LOWER,), "!a"),
        ("a!b", (Filter.URLQUOTE,), "a%21b"),
        ("", (Filter.FIRST,), "_"),
    ],
)
def test_a_filter_works_on_the_value_and_encodes_it_again(
    captured: str, filters: tuple[Filter, ...], expected: str
) -> None:
    assert filtered(captured, filters, slashes=False) == expected


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("Zope.Interface", "zope.interface"),
        ("a_b--c", "a-b-c"),
        ("%C3%89cole", "-cole"),
        ("a%20_b", "a-b"),
        ("x/Y_z", "x/y-z"),
    ],
)
def test_safe_lower_is_the_old_indexs_spelling(name: str, spelled: str) -> None:
    assert filtered(name, (Filter.SAFE_LOWER,), slashes=True) == spelled
    assert image_under((Filter.SAFE_LOWER,), text(name), slashes=True).is_same(text(spelled))
