"""Regular expressions of a rule file, which are RE2's: without look-around and back-references.

Laws of this module:
- matching takes linear time: every expression that is not trivially linear goes to RE2;
- an expression is matched from end to end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import re2

from edgeproxy.ruleset.problems import Code, Refusal

WHY: Final = "regular expressions are RE2's: linear in time, without look-around and back-references."
REMEDY: Final = "see https://github.com/google/re2/wiki/Syntax for what there is."
# One class of plain characters with at most one repetition: `re` and RE2 agree on it and both are linear.
_PLAIN_CLASS: Final = re.compile(
    r"\[\^?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9._~/])+\](?:[+*?]|\{[0-9]{1,3}(?:,[0-9]{0,3})?\})?"
)


@lru_cache(maxsize=1024)
def compiled(regex: str) -> re2._Regexp:
    """Raises re2.error. Many rules share an expression; RE2's own memory of them holds only 128."""
    options = re2.Options()
    options.log_errors = False  # it would write to stderr; the reason is in the problem
    return re2.compile(regex, options)


def reason(error: re2.error) -> str:
    said = error.args[0]
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def read_regex(text: str) -> re2._Regexp:
    """An expression over texts of any characters. Raises Refusal."""
    try:
        return compiled(text)
    except re2.error as error:
        message = f"the regular expression cannot be read: {reason(error)}"
        raise Refusal(Code.BAD_REGEX, message, WHY, REMEDY) from None


def read_ascii_regex(text: str, why: str, remedy: str) -> re2._Regexp:
    """An expression over texts that are ASCII. Raises Refusal."""
    for offset, character in enumerate(text):
        if not " " <= character <= "~":
            raise Refusal(Code.BAD_REGEX, f"{character!r} in a regular expression", why, remedy, offset)
    return read_regex(text)


def whole_matcher(expression: re2._Regexp) -> Callable[[str], bool]:
    """What tells whether the expression matches a text from end to end."""
    # PERF: for a hash's `[0-9a-f]{60}` re takes 0.1 us, the wrapper of RE2 1.5 us; readably it is the line below.
    if _PLAIN_CLASS.fullmatch(expression.pattern):
        plain = re.compile(expression.pattern).fullmatch
        return lambda text: plain(text) is not None
    return lambda text: expression.fullmatch(text.encode(errors="surrogatepass")) is not None
