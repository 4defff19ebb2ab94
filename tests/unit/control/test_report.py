"""Counters of several workers as one."""

from __future__ import annotations

from edgeproxy.control.report import add_up


def test_counts_are_added_by_their_names_and_of_peaks_the_highest_is_kept() -> None:
    first = {"requests": 2, "rules": {"a": 1}, "pools/origin": {"connections": 3, "pending_peak": 5}}
    second = {"requests": 5, "rules": {"a": 2, "b": 7}, "pools/origin": {"connections": 1, "pending_peak": 4}}
    assert add_up((first, second, {})) == {
        "requests": 7,
        "rules": {"a": 3, "b": 7},
        "pools/origin": {"connections": 4, "pending_peak": 5},
    }
    assert first["rules"] == {"a": 1}
