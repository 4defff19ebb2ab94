"""The small languages inside a rule file's texts: durations, percentages, addresses, names, URLs, header fields.

Each function reads one text, or raises Refusal with what to write instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from edgeproxy.ruleset.model import (
    WHOLE,
    ClientKey,
    CookieKey,
    HeaderKey,
    InetAddress,
    StickyKey,
)
from edgeproxy.ruleset.problems import Code, Refusal, nearest

_DURATION: Final = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_MILLISECONDS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PERCENTAGE: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3})?")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_FIELD_VALUE: Final = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?")  # RFC 9110 §5.5, without obs-text
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_AUTHORITY: Final = re.compile(r"(\[[^\]/]*\]|[^:/\[\]@]+)(?::([0-9]{1,5}))?")
_BACKEND_URL: Final = re.compile(r"http://([^/?#]*)(.*)", re.DOTALL)

# What the edge writes itself: RFC 9112 §6 (framing), RFC 9110 §7.6.1 (connection options), §6.6.1 (Date).
EDGES_OWN_FIELDS: Final = frozenset({"content-length", "transfer-encoding", "connection", "date"})


@dataclass(frozen=True, slots=True)
class Authority:
    """`host` without brackets, in lower case; `text` is what a Host field says."""

    host: str
    port: int | None
    text: str


def read_duration(text: str) -> float:
    """Seconds."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise Refusal(
            Code.BAD_DURATION,
            f"{text!r} is not a duration",
            "a duration is a whole number and a unit: ms, s, m, h or d.",
            _duration_remedy(text),
        )
    return int(found[1]) * _MILLISECONDS[found[2]] / 1_000


def read_wait(text: str) -> float:
    """A duration that is not nothing."""
    seconds = read_duration(text)
    if not seconds:
        raise Refusal(
            Code.BAD_DURATION,
            f"a wait of {text}",
            "it would be over before it began.",
            "write a longer one, such as 3s.",
        )
    return seconds


def read_lifetime(text: str) -> float:
    """A duration of whole seconds, as max-age counts them (RFC 9111 §5.2.2.1)."""
    seconds = read_duration(text)
    if seconds != int(seconds):
        raise Refusal(
            Code.BAD_DURATION,
            f"{text} is not a number of seconds",
            "max-age counts whole seconds.",
            "write it in seconds.",
        )
    return seconds


def read_share(text: str) -> int:
    """Thousandths of a percent."""
    if text.endswith("%"):
        raise Refusal(
            Code.BAD_PERCENTAGE,
            "a weight with a percent sign",
            "weights are percentages anyway.",
            f"write {text[:-1].rstrip()}.",
        )
    share = int(Decimal(text) * 1000) if _PERCENTAGE.fullmatch(text) else WHOLE + 1
    if share > WHOLE:
        raise Refusal(
            Code.BAD_PERCENTAGE,
            f"{text!r} is not a percentage",
            "a percentage is a number from 0 to 100 with at most three decimals.",
            "write it as 80 or 0.125.",
        )
    return share


def read_name(text: str) -> str:
    """The name of a host, backend, split or rule: it is in metrics, logs and addresses of the admin API."""
    if not _NAME.fullmatch(text):
        raise Refusal(
            Code.BAD_NAME,
            f"{text!r} is not a name",
            "a name has letters, digits, dots, hyphens and underscores, and begins with a letter or digit.",
            f"write {re.sub('[^A-Za-z0-9._-]+', '-', text).strip('-._') or 'a-name'}.",
        )
    return text


def read_host_name(text: str) -> str:
    """A host name as requests are compared with: lower case, no port, no final dot; IPv6 in brackets."""
    name = text.lower().removesuffix(".")
    why = "it is compared with the host of requests, which comes without a port."
    if name.startswith("[") or name.count(":") > 1:
        return f"[{_read_ipv6(name.strip('[]'), text)}]"
    if ":" in name:
        raise Refusal(Code.BAD_HOST_NAME, f"{text!r} has a port", why, f"write {name.partition(':')[0]}.")
    if "*" in name:
        raise Refusal(
            Code.BAD_HOST_NAME,
            f"{text!r} is a pattern",
            "the edge answers for the names it is told.",
            "write every name.",
        )
    if not name.isascii():
        raise Refusal(
            Code.BAD_HOST_NAME,
            f"{text!r} is not ASCII",
            "requests name such a host in its xn-- form.",
            "write that form.",
        )
    if not all(map(_LABEL.fullmatch, name.split("."))) or len(name) > 253:
        raise Refusal(Code.BAD_HOST_NAME, f"{text!r} is not a host name", why, "write it as in pypi.test.")
    return name


def read_authority(text: str) -> Authority:
    """`host[:port]`."""
    found = _AUTHORITY.fullmatch(text)
    if found is None or (found[2] is not None and int(found[2]) > 65535):
        raise Refusal(
            Code.BAD_HOST_NAME,
            f"{text!r} is not a host with an optional port",
            "it is the Host field that the backend is sent, or the place where it is.",
            "write it as in legacy.pypi.test or 127.0.0.1:8081.",
        )
    host = read_host_name(found[1])
    port = None if found[2] is None else int(found[2])
    return Authority(host.strip("[]"), port, host if port is None else f"{host}:{port}")


def read_listen_address(text: str) -> InetAddress:
    """`address:port` with an IP address, the one of version 6 in brackets; port 0 asks the system for a free one."""
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise _bad_address(text, "an address has a port from 0 to 65535.", f"write {host or text}:8080.")
    if host.startswith("[") and host.endswith("]"):
        try:
            return InetAddress(str(IPv6Address(host[1:-1])), int(port))  # a zone (%eth0) may be meant here
        except AddressValueError:
            raise _bad_address(text, "what is in brackets is no IPv6 address.", "write it as in [::1]:8080.") from None
    if ":" in host:
        raise _bad_address(text, "an IPv6 address needs brackets.", f"write [{host}]:{port}.")
    try:
        return InetAddress(str(IPv4Address(host)), int(port))
    except AddressValueError:
        why = "the edge listens on IP addresses: a name could mean several, or change."
        raise _bad_address(text, why, f"write 127.0.0.1:{port} or 0.0.0.0:{port}.") from None


def read_backend_url(text: str) -> Authority:
    """`http://host[:port]`."""
    found = _BACKEND_URL.fullmatch(text)
    if found is None:
        raise Refusal(
            Code.BAD_URL,
            f"{text!r} is not an http URL",
            "the edge asks backends over plain HTTP.",
            "write http://host:port.",
        )
    if found[2] not in ("", "/"):
        raise Refusal(
            Code.BAD_URL,
            f"the URL has more than a host and a port: {found[2]!r}",
            "a backend is asked for the path that the client asked for.",
            f"write http://{found[1]}.",
            found.start(2),
        )
    try:
        return read_authority(found[1])
    except Refusal as refusal:
        raise Refusal(Code.BAD_URL, refusal.message, refusal.why, refusal.remedy, found.start(1)) from None


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
    if text not in ("301", "302", "303", "307", "308"):
        raise Refusal(
            Code.BAD_STATUS,
            f"{text!r} is not the status of a redirect",
            "clients follow 301, 302, 303, 307 and 308 (RFC 9110 §15.4).",
            "write 302 while it may change, 301 when it will not; 307 or 308 keep the method.",
        )
    return int(text)


def read_field_name(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise Refusal(
            Code.BAD_HEADER,
            f"{text!r} is not a header name",
            "a name is a token (RFC 9110 §5.1).",
            "write it as in Content-Type.",
        )
    if text.lower() in EDGES_OWN_FIELDS:
        raise Refusal(
            Code.BAD_HEADER, f"a rule cannot set {text}", "the edge writes it, from what it really sends.", "remove it."
        )
    return text


def read_field_value(text: str) -> str:
    if not _FIELD_VALUE.fullmatch(text):
        raise Refusal(
            Code.BAD_HEADER,
            "not the value of a header",
            "a value is visible ASCII with spaces and tabs inside, on one line (RFC 9110 §5.5).",
            "remove line ends, spaces at the ends and other characters.",
        )
    return text


def read_choice(text: str, known: tuple[str, ...], what: str) -> str:
    if text not in known:
        raise Refusal(
            Code.BAD_CHOICE, f"{text!r} is not {what}", f"there is {' and '.join(known)}.", nearest(text, known)
        )
    return text


def read_directory(text: str) -> str:
    if not text or "\0" in text:
        raise Refusal(
            Code.BAD_DIRECTORY, f"{text!r} is not a directory", "a path holds no NUL.", "write it as in ./files."
        )
    return text


def _read_ipv6(address: str, text: str) -> str:
    try:
        return str(IPv6Address("" if "%" in address else address))
    except AddressValueError:
        raise Refusal(
            Code.BAD_HOST_NAME, f"{text!r} is not an IPv6 address", "brackets hold one.", "write it as in [::1]."
        ) from None


def _bad_address(text: str, why: str, remedy: str) -> Refusal:
    return Refusal(Code.BAD_ADDRESS, f"{text!r} is not an address to listen on", why, remedy)


def _duration_remedy(text: str) -> str:
    if re.fullmatch(r"[0-9]{1,9}", text):
        return f"write {text}s if seconds are meant."
    if re.fullmatch(r"[0-9]+\.[0-9]+[a-z]+", text):
        return "write it in the next smaller unit, as 1500ms for 1.5s."
    return "write it as in 500ms, 30s, 10m, 1h or 365d."
