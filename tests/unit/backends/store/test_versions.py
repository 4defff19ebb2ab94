"""Versions sort as PEP 440 says, and what it cannot read comes after all it can."""

from __future__ import annotations

from backends.store.versions import canonical, version_key


def test_versions_sort_by_meaning() -> None:
    spellings = ["final", "1.0.post1", "1.10", "v1.2", "1.0.dev1", "1.0", "1.0a1", "1!0", "alpha-x"]
    assert sorted(spellings, key=version_key) == [
        "1.0.dev1", "1.0a1", "1.0", "1.0.post1", "v1.2", "1.10", "1!0", "alpha-x", "final",
    ]  # fmt: skip


def test_a_version_of_very_many_digits_is_one_that_cannot_be_read() -> None:
    digits = "9" * 5_000
    assert sorted([digits, "2.0"], key=version_key) == ["2.0", digits]
    assert canonical(digits) == digits
