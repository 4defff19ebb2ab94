"""Work is counted, and refused when it is too much."""

from __future__ import annotations

import pytest

from edgeproxy.ruleset.automata.dfa import minimised
from edgeproxy.ruleset.automata.effort import TooMuchWork, bounded
from edgeproxy.ruleset.automata.language import concatenation
from edgeproxy.ruleset.automata.regex import regex

EXPENSIVE = "(a|b)*a(a|b){9}"


def test_without_a_bound_nothing_is_counted() -> None:
    assert regex(EXPENSIVE).contains("aaaaaaaaaa")


def test_a_bound_refuses_what_is_beyond_it() -> None:
    with bounded(100), pytest.raises(TooMuchWork):
        concatenation(regex("(a|b)*a(a|b){8}"), regex("(a|b)*b(a|b){8}"))


def test_what_is_spent_within_counts_towards_the_bound_around() -> None:
    language = regex("(a|b)*a(a|b){6}")
    with bounded(1_000):
        with bounded(10), pytest.raises(TooMuchWork):
            language.complement()
        with pytest.raises(TooMuchWork), bounded(10_000):
            for _ in range(100):
                concatenation(language, language)


def test_an_automaton_that_takes_long_to_minimise_stays_as_it_is() -> None:
    long = regex("[a-z]{1,900}").dfa
    assert len(minimised(long)) >= 900
