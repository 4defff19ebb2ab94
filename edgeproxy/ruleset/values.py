"""The small languages inside a rule file's texts: names, choices, methods, statuses, header fields, paths of files.

Each function reads one text, or raises Refusal with what to write instead. Quantities and addresses have modules
of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from edgeproxy.http.redirection import REDIRECTS
from edgeproxy.http.request import ARM
from edgeproxy.http.target import BadTarget, Scheme, parse_host, parse_target
from edgeproxy.ruleset.arms import ClientKey, CookieKey, HeaderKey, StickyKey
from edgeproxy.ruleset.problems import Code, Refusal, nearest

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_FIELD_VALUE: Final = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?")  # RFC 9110 §5.5, without obs-text
_ORIGIN: Final = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_URL_END: Final = re.compile(r"(?:%[0-9A-Fa-f]{2}|[A-Za-z0-9._~!$&'()*+,;=:@/?#[\]-])*")  # RFC 3986 §2, after the host
_PROTOCOL: Final = re.compile(rf"{_TOKEN.pattern}(?:/{_TOKEN.pattern})?")  # RFC 9110 §7.8
_SCHEMES: Final = tuple(scheme.value for scheme in Scheme)
_REDIRECTS: Final = frozenset(map(str, REDIRECTS))
_FLAGS: Final = ("true", "false")
_LIKE_A_FLAG: Final = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}

# What the edge writes itself: RFC 9112 §6 (framing), RFC 9110 §7.6.1 (connection options), §6.6.1 (Date).
EDGES_OWN_FIELDS: Final = frozenset({"content-length", "transfer-encoding", "connection", "date"})
# Protocols that carry requests which no rule would see: RFC 7540 §3.2 (obsolete, and still spoken), RFC 2817.
_BLINDING_PROTOCOLS: Final = ("h2c", "http", "tls")


def read_name(text: str) -> str:
    """The name of a host, backend, split, cutover or rule: it is in metrics, logs and addresses of the admin API."""
    if not _NAME.fullmatch(text):
        raise Refusal(
            Code.BAD_NAME,
            f"{text!r} is not a name",
            "a name has letters, digits, dots, hyphens and underscores, and begins with a letter or digit.",
            f"write {re.sub('[^A-Za-z0-9._-]+', '-', text).strip('-._') or 'a-name'}.",
        )
    return text


def read_method(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise Refusal(
            Code.BAD_METHOD, f"{text!r} is not a method", "a method is a token (RFC 9110 §9.1).", "write it as in GET."
        )
    if text != text.upper():
        raise Refusal(
            Code.BAD_METHOD,
            f"the method {text!r}",
            "methods are case-sensitive (RFC 9110 §9.1).",
            f"write {text.upper()}.",
        )
    return text


def read_sticky_key(text: str) -> StickyKey:
    kind, colon, name = text.partition(":")
    if text == "client":
        return ClientKey()
    if colon and kind in ("header", "cookie") and _TOKEN.fullmatch(name):
        return HeaderKey(name.lower()) if kind == "header" else CookieKey(name)
    raise Refusal(
        Code.BAD_STICKY_KEY,
        f"{text!r} is not a sticky key",
        "a client is known by a header, by a cookie, or by its address and user agent.",
        "write header:NAME, cookie:NAME or client.",
    )


def read_status(text: str) -> int:
    if not re.fullmatch("[2-5][0-9][0-9]", text):
        interim = re.fullmatch("1[0-9][0-9]", text) is not None
        raise Refusal(
            Code.BAD_STATUS,
            f"{text!r} is not the status of an answer",
            "a 1xx is followed by the answer proper." if interim else "a status has three digits, 200 to 599.",
            "write the status of the answer, such as 403.",
        )
    return int(text)


def read_redirect_status(text: str) -> int:
    if text not in _REDIRECTS:
        raise Refusal(
            Code.BAD_STATUS,
            f"{text!r} is not the status of a redirect",
            "clients follow 301, 302, 303, 307 and 308 (RFC 9110 §15.4).",
            "write 302 while it may change, 301 when it will not; 307 or 308 keep the method.",
        )
    return int(text)


def _check_field_name(text: str, example: str) -> None:
    if not _TOKEN.fullmatch(text):
        raise Refusal(
            Code.BAD_HEADER,
            f"{text!r} is not a header name",
            "a name is a token (RFC 9110 §5.1).",
            f"write it as in {example}.",
        )


def read_field_name(text: str) -> str:
    _check_field_name(text, "Content-Type")
    if text.lower() in EDGES_OWN_FIELDS:
        raise Refusal(
            Code.BAD_HEADER, f"a rule cannot set {text}", "the edge writes it, from what it really sends.", "remove it."
        )
    return text


def read_asked_field_name(text: str) -> str:
    """The name of a header that a rule asks for, in lower case."""
    _check_field_name(text, "Accept")
    if text.lower() == "host":
        raise Refusal(
            Code.BAD_HEADER,
            "a match of the header Host",
            "which host a request is for is told in one way, however it was written.",
            "write `host:` beside `path:`, with the name of a host.",
        )
    if text.lower() == ARM:
        raise Refusal(
            Code.BAD_HEADER,
            f"a match of the header {text}",
            "the edge takes it off each request before any rule sees it, since it holds a token.",
            "remove it; `pin` of a cutover puts clients on an arm.",
        )
    return text.lower()


def read_field_value(text: str) -> str:
    if not _FIELD_VALUE.fullmatch(text):
        raise Refusal(
            Code.BAD_HEADER,
            "not the value of a header",
            "a value is visible ASCII with spaces and tabs inside, on one line (RFC 9110 §5.5).",
            "remove line ends, spaces at the ends and other characters.",
        )
    return text


def value_reader(name: str | None) -> Callable[[str], str]:
    """What reads the value of a header that a rule sets in an answer."""
    return _read_location if name is not None and name.lower() == "location" else read_field_value


def _read_location(text: str) -> str:
    """A Location that leads every client to the same place, which the checker knows.

    Browsers mend others and follow them: they take backslashes for slashes, leave tabs out, and read `https:/a` and
    `https:///a` each in a way of their own (https://url.spec.whatwg.org/#concept-basic-url-parser).
    """
    read_field_value(text)
    origin = _ORIGIN.match(text)
    if origin is None and not re.match(r"/(?![/\\])", text):
        raise _bad_location(
            f"{text!r} is neither an absolute URL nor an absolute path",
            "clients differ in where it leads.",
            "begin it with https:// or http:// and a host, or with one slash.",
        )
    if origin is not None:
        try:
            parse_host(origin[1])
        except BadTarget as error:
            raise _bad_location(
                f"{origin[1]!r} is no host: {error}",
                "clients differ in where such a Location leads.",
                "write it as in https://pypi.test/simple/.",
                origin.start(1),
            ) from None
    end = 0 if origin is None else origin.end()
    plain = _URL_END.match(text, end)
    end = end if plain is None else plain.end()
    if end < len(text):
        raise _bad_location(
            f"{text[end]!r} cannot stand in a URL",
            "clients mend it, each in its way (RFC 3986 §2).",
            f"write {quote(text[end])}.",
            end,
        )
    return text


def _bad_location(message: str, why: str, remedy: str, offset: int = 0) -> Refusal:
    return Refusal(Code.BAD_HEADER, f"a Location: {message}", why, remedy, offset)


def read_choice(text: str, known: tuple[str, ...], what: str) -> str:
    if text not in known:
        meant = text.lower()
        remedy = f"write {meant}." if meant in known else nearest(text, known)
        raise Refusal(Code.BAD_CHOICE, f"{text!r} is not {what}", f"there is {' and '.join(known)}.", remedy)
    return text


def read_flag(text: str) -> bool:
    meant = _LIKE_A_FLAG.get(text.lower())
    if meant is not None:
        raise Refusal(
            Code.BAD_CHOICE, f"{text!r} is not true or false", "one word says yes, one no.", f"write {meant}."
        )
    return read_choice(text, _FLAGS, "true or false") == "true"


def read_scheme(text: str) -> Scheme:
    return Scheme(read_choice(text, _SCHEMES, "a scheme"))


def read_reason(text: str) -> str:
    """Why a rule is off, for people."""
    if not text.strip() or text.lower() in (*_FLAGS, *_LIKE_A_FLAG):
        raise Refusal(
            Code.BAD_CHOICE,
            f"{text!r} is not why a rule is off",
            "any text here turns the rule off: whoever reads it later wants to know why.",
            "write the reason; to turn the rule on, remove `off`.",
        )
    return text


def read_directory(text: str) -> str:
    if not text or "\0" in text:
        raise Refusal(
            Code.BAD_DIRECTORY, f"{text!r} is not a directory", "a path holds no NUL.", "write it as in ./files."
        )
    return text


def read_file_name(text: str) -> str:
    """The path of a file, which need not be there yet: whoever opens it sees that."""
    return _named_file(text, "it is the path of a PEM file.", "certs/app.pem")


def read_token_name(text: str) -> str:
    return _named_file(text, "its first line is the token.", "purge.token")


def read_map_name(text: str) -> str:
    return _named_file(text, "it is the path of a CSV file.", "moves.csv")


def _named_file(text: str, what_it_is: str, example: str) -> str:
    if not text or "\0" in text or text.endswith("/"):
        raise Refusal(Code.BAD_FILE, f"{text!r} is not a file", what_it_is, f"write it as in {example}.")
    return text


def read_request_target(text: str) -> str:
    """What a backend is asked for: a path, with or without a query, as it goes into a request line."""
    why = "a backend is asked for a path, with or without a query."
    if not text.startswith("/"):
        path = re.sub("^[a-z]+://[^/]*", "", text)
        raise Refusal(Code.BAD_TARGET, f"{text!r} is not a path", why, f"write /{path.lstrip('/')}.")
    if "#" in text:
        raise Refusal(
            Code.BAD_TARGET,
            "a path with a fragment",
            "a fragment is never sent (RFC 9110 §7.1).",
            f"write {text.partition('#')[0]}.",
            text.index("#"),
        )
    try:
        parse_target(text, "pypi.test")
    except BadTarget as error:
        encoded = quote(text, safe="/?%:@!$&'()*+,;=~")
        remedy = f"write {encoded}." if encoded != text else "write it as in /_health/."
        raise Refusal(Code.BAD_TARGET, f"{text!r}: {error}", why, remedy) from None
    return text


def read_protocol(text: str) -> str:
    """A protocol that a connection may switch to, in lower case."""
    protocol = text.lower()
    if not _PROTOCOL.fullmatch(text):
        raise Refusal(
            Code.BAD_PROTOCOL,
            f"{text!r} is not a protocol",
            "a protocol is a name, with or without a version (RFC 9110 §7.8).",
            "write it as in websocket.",
        )
    if protocol.partition("/")[0] in _BLINDING_PROTOCOLS:
        raise Refusal(
            Code.BAD_PROTOCOL,
            f"an upgrade to {protocol}",
            "requests would go through it that no rule has seen.",
            "remove it; write websocket if that is meant.",
        )
    return protocol
