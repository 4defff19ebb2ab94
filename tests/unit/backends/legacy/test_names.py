from __future__ import annotations

import pytest

from backends.legacy.names import normalized_name, safe_name, simple_name


@pytest.mark.parametrize(
    ("name", "safe", "simple", "normalized"),
    [
        ("flask", "flask", "flask", "flask"),
        ("Flask", "Flask", "flask", "flask"),
        ("a_b", "a-b", "a-b", "a-b"),
        ("a.b", "a.b", "a.b", "a-b"),
        ("zope.interface", "zope.interface", "zope.interface", "zope-interface"),
        ("Zope_.-interface", "Zope-.-interface", "zope-.-interface", "zope-interface"),
        ("a__-_b", "a-b", "a-b", "a-b"),
        ("a..b", "a..b", "a..b", "a-b"),
        ("a b\u00e9c", "a-b-c", "a-b-c", "a b\u00e9c"),
        ("", "", "", ""),
    ],
)
def test_a_name_has_three_forms(name: str, safe: str, simple: str, normalized: str) -> None:
    assert (safe_name(name), simple_name(name), normalized_name(name)) == (safe, simple, normalized)
