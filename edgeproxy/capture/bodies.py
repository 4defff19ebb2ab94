"""The body of a request that a capture keeps whole: what a replay of a read by POST needs. Or none.

Laws of this module:
- it is kept as it is or not at all: nothing is taken out of it;
- it is text that anybody reads in the same way: UTF-8, without control characters, in no coding, of no other declared
  encoding, without a DTD and without base64. What cannot be looked through is not kept;
- whatever stands where names stand (tags, attributes, members of XML-RPC, JSON and forms, the method of a call, also of
  one within another) and speaks of a secret, a name of one beside a value (`["password", …]`, `{"name": "password",
  "value": …}`), and whatever looks like one, is a reason not to keep it: as it is, and when escapes of XML, JSON and
  URLs are read, again and again;
- it takes time in proportion to the text, of which there are `MOST_LOOKED_AT` characters at most: an edge looks through
  it where clients wait.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Final
from urllib.parse import unquote_plus

from edgeproxy.http.xmlrpc_call import is_encoded
from edgeproxy.migration.comparing.rereading import rereadings
from edgeproxy.migration.comparing.scrubbing import is_secret, scrubbed_text
from edgeproxy.migration.comparing.spoken import USER, searched_scrubbed
from edgeproxy.migration.comparing.targets import BY_P, HEX, OF_SECRETS, RANDOM

MOST_LOOKED_AT: Final = 4_096  # characters: calls that read are short
MOST_OCTETS: Final = 4 * MOST_LOOKED_AT  # that so many characters may have
_MOST_READINGS: Final = 4  # of which each says something else
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_OPAQUE: Final = re.compile(r"(?i)<!(?!--|\[CDATA\[)|<(?:[\w.-]{1,40}:)?base64|content-transfer-encoding|\bname\*[0-9]")
_ENCODING: Final = re.compile(r"""(?i)<\?xml[^>]{0,200}?\sencoding\s{0,8}=\s{0,8}["']([^"'>]{0,60})""")
_ENCODINGS: Final = frozenset(("utf-8", "utf8", "us-ascii", "ascii"))
_MARKS: Final = re.compile(r"<!--.*?(?:-->|\Z)|<!\[CDATA\[|\]\]>", re.DOTALL)
_JSON_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))")
_NAMES: Final = (
    re.compile(r"</?(?:[\w.-]{1,60}:)?([\w.-]{1,100})"),  # of elements
    re.compile(r"<(?:[\w.-]{1,60}:)?name\b[^<>]{0,200}>\s{0,40}([^<]{1,200})<"),  # XML-RPC's members
    re.compile(r"""([^\s&;?"'<>=,{}\[\]()]{1,100})\s{0,8}=""", re.ASCII),  # of attributes, forms, parameters
    re.compile(r"""["']([^"'\\]{1,200})["']\s{0,8}:"""),  # of JSON
    re.compile(r"""(?m)(?:^|[{,(])[ \t-]{0,8}([\w.-]{1,100})[ \t]{0,8}:"""),  # of YAML, queries, scripts
    re.compile(  # of parts, those of RFC 8187, too
        r"""(?i)\bname\*?\s{0,8}=\s{0,8}(?:["']|[\w-]{1,30}'[\w-]{0,20}')?([^"';\r\n]{1,200})"""
    ),
)
_SECRETS_NAME: Final = (
    "(?i:(?:[a-z0-9]{1,20}[-_. ]){0,3}(?:access|api|auth|client|csrf|id|my|new|old|session|user)?"
    "(?:pass(?:word|wd|phrase|code|key)?|pwd?|pswd?|token|secret|credential|session(?:id)?|signature|[cx]srf|key|"
    "auth(?:ori[sz]ation)?|sig|jwt|sid|otp|pin)s?)"
)
_PAIRS: Final = (  # a name of a secret, and behind it what that is
    re.compile(rf"""[\[,(]\s{{0,8}}(["']){_SECRETS_NAME}\1\s{{0,8}},"""),  # in lists of JSON
    re.compile(  # in elements that follow each other; parameters of a call, and members of a struct, are no pair
        rf">\s{{0,40}}{_SECRETS_NAME}\s{{0,40}}"
        r"(?:</(?!(?:[\w.-]{1,60}:)?(?:param|member)\b)[\w:.-]{1,60}>\s{0,40}){1,4}<[\w:]"
    ),
    re.compile(rf"""(?m)^[ \t]{{0,8}}(["']?){_SECRETS_NAME}\1[ \t]{{0,8}}\r?\n\s{{0,8}}\S"""),  # in lines
)
_VALUE: Final = re.compile(r"""(?i)(?<![\w.-])(?:value|val|v|content|data)(?:["']?\s{0,8}[:=]|\s{0,8}</)""")
_BESIDE_VALUES: Final = re.compile(rf"(?<![\w.-]){_SECRETS_NAME}(?![\w.-])")
_METHOD: Final = "(?i:method|method_?name|operation|operation_?name|action|call|function|command|cmd|procedure|op)"
_CALLS: Final = (
    re.compile(r"<(?:[\w.-]{1,60}:)?methodName\b[^<>]{0,200}>\s{0,40}([^<]{1,200})<"),
    re.compile(  # of one within system.multicall
        r">\s{0,40}methodName\s{0,40}</(?:[\w.-]{1,60}:)?name\s{0,8}>\s{0,40}<(?:[\w.-]{1,60}:)?value\s{0,8}>\s{0,40}"
        r"(?:<(?:[\w.-]{1,60}:)?string\s{0,8}>\s{0,40})?([^<]{1,200})<"
    ),
    re.compile(rf"""["']{_METHOD}["']\s{{0,8}}:\s{{0,8}}["']([^"']{{1,200}})"""),
    re.compile(rf"""(?<![\w.-]){_METHOD}=([^\s&;"'<>]{{1,200}})"""),  # of forms
)
_QUERIES: Final = re.compile(r"(?<!\w)(\w{1,60})\s{0,4}\(")
_LETS_IN: Final = re.compile("(?i).*(?:log|sign)(?:in|on)")
_CAMEL: Final = re.compile("(?<=[a-z0-9])(?=[A-Z])")
_WORDS: Final = re.compile(r"[\s._:/-]+")


def kept_body(octets: bytes, values: Mapping[str, str]) -> str | None:
    """Of a request whose rule declares it safe. `values`: its fields, names in lower case."""
    if len(octets) > MOST_OCTETS or is_encoded(values):
        return None
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return None
    return text if len(text) <= MOST_LOOKED_AT and not holds_secret(text) else None


def holds_secret(text: str) -> bool:
    """Whether there is one, or might be one that cannot be seen."""
    if _NO_TEXT.search(text) is not None or _is_opaque(text) or _is_seen_in(text):
        return True
    for _ in range(_MOST_READINGS):
        if any(map(_is_seen_in, rereadings(text))):
            return True
        before = text
        for read in _READINGS:
            text, was = read(text), text
            if text != was and _is_seen_in(text):
                return True
        if text == before:
            return False
    return True


def _is_opaque(text: str) -> bool:
    encodings = {each.strip().lower() for each in _ENCODING.findall(text)}
    return _OPAQUE.search(text) is not None or not encodings <= _ENCODINGS


def _is_seen_in(text: str) -> bool:
    if scrubbed_text(text) != text or searched_scrubbed(text) != text:
        return True
    if USER.search(text) is not None or RANDOM.search(text) is not None or HEX.search(text) is not None:
        return True
    if any(is_secret(name.strip()) for names in _NAMES for name in names.findall(text)):
        return True
    if BY_P.search(text) is not None or any(pair.search(text) is not None for pair in _PAIRS):
        return True
    if _VALUE.search(text) is not None and _BESIDE_VALUES.search(text) is not None:
        return True
    calls = (call for names in _CALLS for call in names.findall(text))
    return any(_lets_in(call) for call in calls) or any(map(_lets_in, _QUERIES.findall(text)))


def _lets_in(call: str) -> bool:
    words = [word for word in _WORDS.split(_CAMEL.sub(" ", call)) if word]
    pairs = [f"{first}{second}" for first, second in pairwise(words)]  # `log_in`
    return any(OF_SECRETS.fullmatch(word) or is_secret(word) for word in words) or any(
        map(_LETS_IN.fullmatch, (*words, *pairs))
    )


def _without_marks(text: str) -> str:
    return _MARKS.sub("", text)


def _without_escapes(text: str) -> str:
    """JSON's."""
    return _JSON_ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


_READINGS: Final[tuple[Callable[[str], str], ...]] = (_without_marks, html.unescape, unquote_plus, _without_escapes)
