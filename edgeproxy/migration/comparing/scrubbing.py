"""What of an exchange may be kept and shown: nothing that lets anybody in.

Laws of this module:
- it errs on the side of taking out: a header or parameter whose name speaks of a secret loses its value;
- what looks like a token is taken out wherever it stands, content included; so is what stands beside a name that speaks
  of a secret (`token=…`, `"api_key": [...]`), in any header's value and any parameter's, too;
- what looks like a token is none that reads as words with hyphens: projects are called `sk-video-tools`; and behind a
  project's name stand its files and releases, whatever the name says: `/simple/token/token-1.0.tar.gz`;
- a value that has a secret once its escapes are read, such as a URL in a query, goes as a whole;
- what was scrubbed stays as it is when it is scrubbed again;
- it takes time in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import unquote, unquote_plus

from edgeproxy.http.fields import IDENTITIES
from edgeproxy.migration.comparing.rereading import HIDDEN as HIDDEN
from edgeproxy.migration.comparing.rereading import read_thoroughly, rereadings

_SECRET_HEADERS: Final = frozenset(
    (
        *("authorization", "authentication-info", "cookie", "cookie2", "edge-arm"),
        *("proxy-authentication-info", "proxy-authorization"),
    )
) | {name.lower() for name in IDENTITIES}
_WORDS: Final = "|".join(
    (
        *(
            "auth(?!or)",
            "authori[sz]",
            "token",
            "secret",
            "pass[-_]?(?:w|phrase|code|key)",
            "credential",
            "session",
            "sess[-_]?id",
        ),
        *("signature", "csrf", "xsrf", "api-?_?key", "access-?_?key", "dpop"),
        *("client-?_?cert", "(?:ssl|tls)-?_?client", "remote-?_?user"),  # who a proxy has found the client to be
    )
)
_SHORT: Final = (  # by themselves alone
    "cookies?|keys?|sig|pwd|(?:user|u)?pass|pw|pswd?|jwt|sid|sess|t?otp|otk|mfa|2fa|tok|pin|creds?|hmac|ticket|assertion|samlresponse"
)
_SECRET_NAME: Final = re.compile(
    rf"(?i:{_WORDS})|(?<![A-Za-z0-9])(?i:{_SHORT}|code)[0-9]{{0,2}}(?:\[[0-9]{{0,2}}\]|[\])])?\Z"
    r"|(?<=[a-z0-9])(?:Pwd?|Pass|Pin|Otp|Jwt)[0-9]{0,2}\Z"
)
_LOOKS: Final = 8  # at one text
NO_SECRETS: Final = frozenset(
    ("www-authenticate", "proxy-authenticate", "access-control-allow-credentials", "surrogate-key")
)
# Words with hyphens between them, as projects are called: `pypi-attestation-models`, `sk-video-tools-1`.
_WORD: Final = "(?:[A-Za-z]?[a-z]{1,15}+[0-9]{0,4}+|[A-Za-z]?[0-9]{1,4}+[a-z]{0,3}+)"
_NAMES: Final = rf"(?:{_WORD}[-_]++)*+{_WORD}(?![A-Za-z0-9_-])"
_SAID: Final = rf"(?:{_WORD}[-_]++)*+{_WORD}(?:/v?[0-9][\w.]*+)?(?![A-Za-z0-9_~+/=-]|\.\w)"
_TOKENS: Final = re.compile(
    rf"""pypi-(?!{_NAMES})[A-Za-z0-9_-]{{16,}}+                # macaroons of package indexes
    | (?:glpat|sk|rk)[_-](?!{_NAMES})[A-Za-z0-9_-]{{16,}}+"""
    r"""
    | eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{4,}+(?:\.[A-Za-z0-9_-]*+)?   # JSON Web Tokens
    | (?:gh[pousr]|github_pat|xox[abprs])[_-][A-Za-z0-9_-]{16,}+
    | (?:npm|hf)_[A-Za-z0-9]{16,}+
    | AIza[A-Za-z0-9_-]{20,}+
    | (?:AKIA|ASIA)[0-9A-Z]{16}
    | (?:(?i:bearer|negotiate)|Basic|Digest|Token|BASIC|DIGEST|TOKEN)[ ]++   # as HTTP writes it
      (?!(?i:auth[a-z]*+|tokens?|schemes?)(?![A-Za-z0-9_~+/=-]|\.\w))[A-Za-z0-9._~+/=-]{8,}+
    | (?i:bearer)[:=][A-Za-z0-9._~+/=-]{8,}+
    """
    rf"""
    | (?:basic|digest|token)[ ]++(?!{_SAID})[A-Za-z0-9._~+/=-]{{8,}}+        # as people search for it
    """
    r"""
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----[^-]*+
    | (?<=://)[^/\s"'<>]{1,200}@       # user and password of a URL, up to the last @
    """,
    re.VERBOSE,
)
_NAME: Final = re.compile(  # before a value: the end of a name, colon or equals sign; or an option of a command
    rf"""(?i)(?:{_WORDS})[A-Za-z0-9_-]{{0,40}}+["'\])]{{0,2}}[ ]{{0,4}}[:=][ ]{{0,4}}"""
    rf"""|(?<![A-Za-z0-9])(?:(?:{_SHORT}|code)[0-9]{{0,2}}(?:\[[0-9]{{0,2}}\]|[\])])?="""
    rf"""|(?:{_SHORT})["'][\])]?[ ]{{0,4}}[:=][ ]{{0,4}})"""
    r"""|(?:(?<![A-Za-z0-9])(?:pass|pwd?|pswd?|jwt|otp|pin|cookie)|(?<=[a-z0-9])(?-i:Pwd?|Pass|Jwt|Otp|Pin))["'\])]{0,2}"""
    r"""[ ]{0,4}[:=][ ]{0,4}"""
    r"""|(?<![^\s"'(;,])(?:-u|--user)[ =]{1,4}(?=[^\s:]{1,200}:[^\s])"""  # curl's, with a password
    rf"""|(?<![^\s"'(;,])--?(?:[a-z0-9]{{1,20}}[-_]){{0,3}}?"""
    rf"""(?:(?:{_WORDS})[a-z0-9_-]{{0,40}}+|(?:{_SHORT}))[ ]{{1,4}}(?=[^\s-])"""
)
# PERF: what has none of these, its case folded, has no name: a tenth of the time.
_MAYBE_NAME: Final = re.compile(
    "auth|token|secret|pass|cred|sess|signature|csrf|xsrf|key|dpop|client|remote|sig|pw|psw|jwt|sid|otp|otk|mfa|2fa|tok|"
    "pin|code|hmac|ticket|assertion|saml|cookie|-u"
)
_REST: Final = r"""[^\s&;,<>"'\])}]*+"""  # behind what is quoted, or a list
_BEHIND: Final = re.compile(_REST)
_VALUE: Final = re.compile(
    rf""""(?:[^"\\\n]|\\.)*+"?{_REST}|'(?:[^'\\\n]|\\.)*+'?{_REST}"""
    r"""|(?:(?i:basic|bearer|digest|token)[ ]++)?[^\s&;,<>"']++"""
)
_MORE_COOKIES: Final = re.compile(r"""(?:;[ ]{0,4}[^\s;,=<>"'()]{1,200}=[^\s;,<>"'()]*+)++""")
_OF_LIST: Final = re.compile(r"""(?s)"(?:[^"\\]|\\.)*+"?|[^"\[\]{}]++|[\[\]{}]""")
_BESIDE: Final = (  # words of no matter by themselves: `password-reset-confirm` is all of such, `pytest-token` is not
    "(?:api|access|private|account|user|e-?mail|mail|one-?time|new|change|set|do|my|link|from|by|with|complete|done)"
)
_LETS_IN: Final = (
    "(?:keys?|tokens?|o?auth2?|bearer|basic|reset|confirm(?:ation)?|verif(?:y|ication)|activat(?:e|ion)|recover(?:y)?|"
    "forgot(?:ten)?|lost|unsubscribe|invit(?:e|ations?)|magic|sessions?|secrets?|pass(?:word|wd|code)|(?:log|sign)[-_]?in)"
)
SECRETS_FOLLOW: Final = (  # a path's segment behind which one stands, or a call of such
    rf"(?i:(?:{_BESIDE}[-_.]?)*+{_LETS_IN}(?:[-_.]?(?:{_LETS_IN}|{_BESIDE}))*+)"
)
LEAST: Final = 8  # characters of what stands behind it, however far: `/pypi/token/json` is a project's
_OF_SECRETS: Final = re.compile(SECRETS_FOLLOW)
_OF_PROJECTS: Final = frozenset(("simple", "project", "pypi"))  # behind these a project is named; or `source/t`
_RELEASES: Final = re.compile(
    r"releases\.xml|v?[0-9]{1,4}(?:\.[0-9]{1,4}(?:(?:a|b|rc|\.?dev|\.?post)[0-9]{0,3})?){1,5}"
)
_FILE: Final = re.compile(
    r"[-_][0-9][0-9A-Za-z._+!-]{0,100}\.(?:tar\.(?:gz|bz2|xz)|tgz|zip|whl|egg|exe|rpm|msi)(?:\.(?:asc|metadata|provenance))?"
)
_SEPARATORS: Final = re.compile("([&;])")
_PARTS: Final = re.compile("[?&;#]")
_DEEPEST: Final = 4  # escapes within escapes: nobody else quotes as often


def is_secret(name: str) -> bool:
    """Whether a header, parameter or member of this name holds what nobody may see."""
    known = name.lower()
    if known in _SECRET_HEADERS or (known not in NO_SECRETS and _SECRET_NAME.search(name) is not None):
        return True
    return any(_SECRET_NAME.search(each.strip()) is not None for each in rereadings(name))


def holds_secret(text: str) -> bool:
    """Whether a value, or a query, has one: as it is, or when its escapes are read."""
    for _ in range(_DEEPEST):
        if scrubbed_text(text) != text or any(map(_is_secret_pair, _PARTS.split(text))):
            return True
        read = unquote_plus(text)
        if read == text:
            return False
        text = read
    return True


def scrubbed_text(text: str) -> str:
    return read_thoroughly(text, _text_scrubbed)


def _text_scrubbed(text: str) -> str:
    return _settled(text, _text_scrubbed_once)


def _settled(text: str, scrub: Callable[[str], str]) -> str:
    """Looked through again as long as something was taken out: without it, what stood around may be a secret, too."""
    for _ in range(_LOOKS):
        before, text = text, scrub(text)
        if text == before:
            break
    return text


def _text_scrubbed_once(text: str) -> str:
    text = _TOKENS.sub(HIDDEN, text)
    if _MAYBE_NAME.search(text.casefold()) is None:
        return text
    parts, at = list[str](), 0
    while (found := _NAME.search(text, at)) is not None:
        end = _end_of_value(text, found.end())
        if found[0].rstrip().casefold().endswith("cookie:"):
            end = _end_of_cookies(text, end)
        parts += (text[at : found.end()], HIDDEN if end > found.end() else "")
        at = end
    return "".join((*parts, text[at:])) if parts else text


def scrubbed_value(text: str) -> str:
    """Of a header or a parameter."""
    kept = scrubbed_text(text)
    return HIDDEN if holds_secret(kept) else kept


def scrubbed_target(target: str) -> str:
    """A path and query, or a URL."""
    return _settled(target, _target_scrubbed_once)


def _target_scrubbed_once(target: str) -> str:
    path, mark, query = target.partition("?")
    return f"{_scrubbed_path(path)}{mark}{''.join(map(_scrubbed_pair, _SEPARATORS.split(query)))}"


def is_of_project(parts: Sequence[str], at: int) -> bool:
    """Whether a segment stands behind a project's name, and is its file, release or feed: `…/token/token-1.0.zip`."""
    is_source = at > 2 and parts[at - 3] == "source" and len(parts[at - 2]) == 1
    if at < 2 or not (is_source or parts[at - 2] in _OF_PROJECTS):
        return False
    part, project = parts[at], parts[at - 1]
    if _RELEASES.fullmatch(part) is not None:
        return True
    return part.startswith(project) and _FILE.fullmatch(part, len(project)) is not None


def leads_to_secret(part: str) -> bool:
    """Whether a segment, its escapes read, is one behind which a secret stands."""
    return any(_OF_SECRETS.fullmatch(each.strip()) is not None for each in (part, *rereadings(part)))


def _scrubbed_path(path: str) -> str:
    segments, parts, is_behind = _TOKENS.sub(HIDDEN, path).split("/"), list[str](), False
    for at, part in enumerate(segments):
        is_hidden = is_behind and len(part) >= LEAST and not is_of_project(segments, at)
        parts.append(HIDDEN if is_hidden else scrubbed_value(part))
        is_behind = is_behind or leads_to_secret(unquote(part))
    return "/".join(parts)


def _scrubbed_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if equals and is_secret(unquote_plus(name).strip()):
        return f"{scrubbed_value(name)}={HIDDEN}"
    return f"{scrubbed_value(name)}{equals}{scrubbed_value(value)}"


def _is_secret_pair(text: str) -> bool:
    name, _, value = text.partition("=")
    return bool(value) and not value.startswith(HIDDEN) and is_secret(name.strip().rpartition(" ")[2])


def _end_of_value(text: str, at: int) -> int:
    if text[at : at + 1] not in ("[", "{"):
        found = _VALUE.match(text, at)
        return at if found is None else found.end()
    rest = _BEHIND.match(text, _end_of_list(text, at))
    return len(text) if rest is None else rest.end()


def _end_of_cookies(text: str, at: int) -> int:
    """Of those that follow the first one."""
    found = _MORE_COOKIES.match(text, at)
    return at if found is None else found.end()


def _end_of_list(text: str, at: int) -> int:
    """Of a list or object of JSON; one that is cut off has all that follows."""
    depth = 0
    for found in _OF_LIST.finditer(text, at):
        mark = found[0]
        depth += (mark in ("[", "{")) - (mark in ("]", "}"))
        if not depth:
            return found.end()
    return len(text)
