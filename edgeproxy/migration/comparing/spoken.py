"""Secrets that are told in words, as people write them into user agents: `password is x`, `-p x`, `x is my password`.

Laws of this module:
- a name tells when it is a word by itself or the end of one (`db-password`, `apiKey`), never where it begins one:
  `password-generator`, `token_bucket` and `keyring` name things;
- what a name tells is the value behind a sign (`:`, `=`, `->`, `|`), behind a verb (`is`, `was`), or, for names that
  mean nothing else (`password`, `token`, and not `key` or `code`), behind no more than a blank, a slash or a bracket;
- a product with its version (`token/1.0`, `Token 1.0`, `Password Manager/3`) is none: RFC 9110 §10.1.5 has them there;
- items of a list are apart: what stands behind `;`, `,` or `)` is nobody's value;
- blanks are whatever looks like some, and what cannot be seen hides nothing (`rereading.py`);
- in what is searched for, a verb alone tells: `secret token` and `token authentication` are what is looked for;
- it errs on the side of taking out, what was taken out stays so, and it takes time in proportion to the text.
"""

from __future__ import annotations

import re
from typing import Final

from edgeproxy.migration.comparing.rereading import HIDDEN as HIDDEN
from edgeproxy.migration.comparing.rereading import read_thoroughly

_CLEAR: Final = (  # what means nothing else
    r"pass(?:[-_ ]?(?:words?|wd|phrases?|codes?|keys?|wort))?|passw|pwd?|pswd?|tokens?|secrets?|credentials?|creds"
    r"|jwt|t?otp|pin|bearer"
    r"|(?:api|access|secret|private|auth|account|deploy|signing|encryption)[-_ ]?keys?|(?:php)?sess(?:ion)?[-_ ]?id"
)
_VAGUE: Final = "keys?|codes?|p|sid|sig|signature|sess(?:ion)?|auth|cookies?|ticket|hmac|mfa|2fa|tok"
_BEGINS: Final = r"(?:(?<![A-Za-z0-9])|(?<=[a-z0-9])(?=(?-i:[A-Z])))"
_ENDS: Final = "(?![A-Za-z0-9]|[-_.][A-Za-z0-9])"
_NAME: Final = re.compile(rf"(?i){_BEGINS}(?:(?P<clear>{_CLEAR})|(?P<scheme>basic|digest)|(?:{_VAGUE})){_ENDS}")
_CLEAR_NAME: Final = re.compile(rf"(?i)(?:{_CLEAR}){_ENDS}")
_FOR: Final = re.compile(r"(?i)[ ]{1,4}(?:for|of|to|on|at)[ ]{1,4}[^\s:;,()=]{1,60}+(?=[ :=])")  # whom it belongs to
_SIGN: Final = re.compile(r"""["'\])]{0,2}[ ]{0,4}(?:[:=]{1,2}>?|[-~]>|>>|[|\u00bb])[ ]{0,4}""")
_VERB: Final = re.compile(r"""(?i)["'\])]{0,2}[ ]{1,4}(?:is|was|are|equals)[ ]{0,2}(?:[ ]|:[ ]{0,4})""")
_BRACKET: Final = re.compile(r"[ ]{0,2}[(<`]")
_BLANK: Final = re.compile(r"[ ]{1,4}(?:[-.~*#!>]{1,3}[ ]{1,4})?(?=[^\s-])")
_SLASH: Final = re.compile(r"[/\\#!~*&]")
_CREDENTIALS: Final = re.compile(r"[ ]{1,4}(?=[A-Za-z0-9._~+/=-]{8})(?![A-Za-z0-9._+-]{1,60}+/v?[0-9])")  # of HTTP
_PRODUCT: Final = re.compile(r"[A-Za-z0-9._+-]{1,60}+/v?[0-9]|v?[0-9]{1,4}(?:\.[0-9A-Za-z+-]{1,20}){1,8}+(?![^\s;,)])")
_VERSION: Final = re.compile(r"v?[0-9]{1,4}(?:\.[0-9A-Za-z+-]{1,20}){0,8}+(?![^\s;,)])")
_VALUE: Final = re.compile(r'"[^"]*+"?|' + r"""'[^']*+'?|(?:(?i:basic|bearer|digest|token)[ ]++)?[^\s;,<>"'`]++""")
_PHRASE: Final = re.compile("[^;()<>]++")  # of several words
_OPTION: Final = re.compile(
    r"""(?<![^\s"'(;,\[])-[pP](?:[ ]{0,3}=[ ]{0,3}|[ ]{1,4}(?=[^\s-])|(?=[^\s=-])(?![wW][dD]?[ =:]))"""
)
_NUMBER: Final = re.compile(r"[0-9]{1,6}(?![^\s;,)\"'])")  # a page, a port
_BEFORE: Final = re.compile(
    r"(?i)(?<![^\s;,()\"'])[^\s;,()\"']{1,500}+(?=[ ]{1,4}(?:is|was)[ ]{1,4}(?:my|the|our|your)[ ]{1,4}"
    rf"(?:[a-z0-9]{{1,20}}[-_ ]){{0,2}}(?:{_CLEAR}){_ENDS})"
)
# PERF: most texts have none of these, their case folded.
_MAYBE: Final = re.compile(
    "pass|pw|psw|basic|digest|tok|secret|cred|jwt|otp|bearer|key|sess|code|pin|sid|sig|auth|cookie|ticket|hmac|mfa|2fa"
    "|(?<![a-z0-9])p[^a-z0-9]|-p"
)
_MAYBE_TOLD: Final = re.compile("(?i) (?:is|was|are|equals)[ :]")
# User and password, up to the last @, whether or not `//` stands before them; behind `//` a user alone, too. Of what is
# written for people, an address to write to is none.
USER: Final = re.compile(
    r"""(?<![\w.~%!$*+-])(?!\+?mailto:)[\w.~%!$*+-]++:(?:[^\s/@?#&"'<>(){}\[\]]{0,1000}+@)+"""
    r"""|(?<=//)(?:[^\s/@?#&"'<>(){}\[\]]{0,1000}+@)+"""
)
_LOOKS: Final = 4


def spoken_scrubbed(text: str) -> str:
    """Of a user agent, or whatever else a client writes as it likes."""
    return read_thoroughly(text, _spoken_scrubbed)


def searched_scrubbed(text: str) -> str:
    """Of what is searched for, where the words of secrets are words as others."""
    return read_thoroughly(text, _searched_scrubbed)


def _spoken_scrubbed(text: str) -> str:
    for _ in range(_LOOKS):
        before, text = text, _scrubbed_once(text)
        if text == before:
            break
    return text


def _searched_scrubbed(text: str) -> str:
    if _MAYBE_TOLD.search(text) is None:
        return text
    return _replaced(_BEFORE.sub(HIDDEN, text), is_searched=True)


def _scrubbed_once(text: str) -> str:
    text = USER.sub(HIDDEN, text) if "@" in text else text
    if _MAYBE.search(text.casefold()) is None:
        return text
    return _without_options(_replaced(_BEFORE.sub(HIDDEN, text), is_searched=False))


def _replaced(text: str, *, is_searched: bool) -> str:
    parts, at, looked = list[str](), 0, 0
    while (found := _NAME.search(text, looked)) is not None:
        begin = _searched_value(text, found) if is_searched else _value_of(text, found)
        end = begin if begin is None else _end_of(text, found, begin)
        looked = found.end()
        if begin is not None and end is not None and end > begin:
            parts += (text[at:begin], HIDDEN)
            at = looked = end
    return "".join((*parts, text[at:])) if parts else text


def _searched_value(text: str, name: re.Match[str]) -> int | None:
    verb = _VERB.match(text, name.end()) if name["clear"] else None
    return None if verb is None or text.startswith(HIDDEN, verb.end()) else verb.end()


def _value_of(text: str, name: re.Match[str]) -> int | None:
    """Where it begins. None: it tells none."""
    at = name.end()
    if name["scheme"]:
        return None if (joined := _CREDENTIALS.match(text, at)) is None else joined.end()
    owner = _FOR.match(text, at)
    joined = None
    for behind in (at,) if owner is None else (owner.end(), at):
        joined = joined or _SIGN.match(text, behind) or _VERB.match(text, behind)
    if joined is None and name["clear"]:
        joined = _loosely(text, name)
    if joined is None or text.startswith(HIDDEN, joined.end()):
        return None
    if name[0] in ("p", "P") and (_NUMBER.match(text, joined.end()) or text.startswith("//", joined.end())):
        return None
    return joined.end()


def _loosely(text: str, name: re.Match[str]) -> re.Match[str] | None:
    at, before = name.end(), text[name.start() - 1 : name.start()]
    if before.isalnum():
        return None  # `LastPass Extension`
    is_part = before in ("-", "_", ".")  # `pytest-token (linux)` is a product with a comment
    if (joined := _BRACKET.match(text, at)) is not None:
        return None if is_part else joined
    if (joined := _BLANK.match(text, at)) is not None:
        return None if _PRODUCT.match(text, joined.end()) or _CLEAR_NAME.match(text, joined.end()) else joined
    if (joined := _SLASH.match(text, at)) is not None and not is_part:
        return None if _VERSION.match(text, joined.end()) else joined
    return None


def _end_of(text: str, name: re.Match[str], begin: int) -> int | None:
    value = _PHRASE if name[0].casefold().rstrip("s").endswith("phrase") else _VALUE
    found = value.match(text, begin)
    return None if found is None else found.end()


def _without_options(text: str) -> str:
    parts, at = list[str](), 0
    for found in _OPTION.finditer(text):
        begin = found.end()
        value = _VALUE.match(text, begin)
        if begin < at or value is None or _NUMBER.match(text, begin) or text.startswith(HIDDEN, begin):
            continue
        parts += (text[at:begin], HIDDEN)
        at = value.end()
    return "".join((*parts, text[at:])) if parts else text
