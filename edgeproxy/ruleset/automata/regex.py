"""From a regular expression in RE2's syntax to the language that it matches from end to end."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import re2

from edgeproxy.ruleset.automata.dfa import minimised
from edgeproxy.ruleset.automata.errors import Unsupported
from edgeproxy.ruleset.automata.language import Language
from edgeproxy.ruleset.automata.nfa import Nfa, determinised
from edgeproxy.ruleset.automata.syntax import parse

_SMALL: Final = 2000  # states: more are left as they came


@lru_cache(maxsize=1024)
def regex(source: str) -> Language:
    """Raises Unsupported."""
    check(source)
    nfa = Nfa()
    found = determinised(nfa, nfa.add(parse(source), nfa.end))
    return Language(minimised(found) if len(found) <= _SMALL else found)


def check(source: str) -> None:
    """Let RE2 read it, as the edge does. Raises Unsupported."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(source, options)
    except re2.error as error:
        raise Unsupported(f"RE2 does not read {source!r}: {error}") from None
