"""Field lines: which ones end at the edge and which ones it passes on (RFC 9110 §7.6, RFC 9112 §9.6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

Field = tuple[bytes, bytes]  # name as it was sent, value without surrounding white space


class FieldCollector:
    """The callbacks of httptools: keeps the fields of a head, in their order."""

    __slots__ = ("fields",)

    def __init__(self) -> None:
        self.fields: list[Field] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))


# Fields of one connection (RFC 9110 §7.6.1 and its predecessors). Content-Length and Host are end-to-end by the
# letter, but the edge writes its own, from what it understood.
HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
CREDENTIALS: Final = frozenset({b"authorization", b"cookie", b"cookie2"})
CREDENTIAL_NAMES: Final = frozenset(name.decode() for name in CREDENTIALS)  # as rules write names


def without_credentials(values: Mapping[str, str]) -> Mapping[str, str]:
    """`values` by names in lower case."""
    if CREDENTIAL_NAMES.isdisjoint(values):
        return values
    return {name: value for name, value in values.items() if name not in CREDENTIAL_NAMES}


# What the edge says about a client itself, and what backends have believed in its place: a client's own word for it is
# not passed on, nor anything that begins with X-Forwarded-.
FORWARDING: Final = frozenset(
    {
        b"client-ip",
        b"forwarded",
        b"front-end-https",
        b"proxy",  # CGI's HTTP_PROXY, by which programs choose theirs (CVE-2016-5385)
        b"true-client-ip",
        b"x-client-ip",
        b"x-cluster-client-ip",
        b"x-forwarded",
        b"x-original-forwarded-for",
        b"x-original-url",
        b"x-real-ip",
        b"x-rewrite-url",
        b"x-scheme",
        b"x-url-scheme",
    }
)
_FORWARDED: Final = b"x-forwarded-"

# Who a proxy in front of a backend has found the client to be (RFC 9440; mod_ssl's and nginx's names, and CGI's).
IDENTITIES: Final = (
    *("Client-Cert", "Client-Cert-Chain", "SSL-Client-Cert", "X-Client-Cert", "X-Client-Certificate", "X-Client-DN"),
    *("X-ARR-ClientCert", "X-SSL-Cert", "X-SSL-Client", "X-SSL-Client-Cert", "X-SSL-Client-CN", "X-SSL-Client-DN"),
    *("X-SSL-Client-Fingerprint", "X-SSL-Client-I-DN", "X-SSL-Client-Issuer", "X-SSL-Client-S-DN"),
    *("X-SSL-Client-S-DN-CN", "X-SSL-Client-Serial", "X-SSL-Client-SHA1", "X-SSL-Client-Subject"),
    *("X-SSL-Client-Verify", "Remote-User", "X-Remote-User", "X-Authenticated-User", "X-WebAuth-User"),
)
# What makes another request of a GET at backends that believe it, and is in no key: a fetch for everybody is without.
OVERRIDES: Final = (
    *("X-Host", "X-HTTP-Host-Override", "X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override"),
    *("X-Original-Host", "X-Original-Method", "X-Original-URI", "X-Original-URL", "X-Override-URL", "X-Rewrite-URL"),
    *IDENTITIES,
)

_CLOSE: Final = (b"Connection: close",)
_KEEP_ALIVE: Final = (b"Connection: keep-alive",)


def connection_lines(keep_alive: bool, minor: int) -> tuple[bytes, ...]:
    """What to tell a client of its connection: nothing where its version's default says it (RFC 9112 §9.3)."""
    if not keep_alive:
        return _CLOSE
    return () if minor else _KEEP_ALIVE


def tokens_of(fields: Iterable[Field], name: bytes) -> frozenset[bytes]:
    """The lower-case members of a comma-separated field (name in lower case), over all its lines."""
    return frozenset(
        token
        for field_name, value in fields
        if field_name.lower() == name
        for token in (part.strip(b" \t").lower() for part in value.split(b","))
        if token
    )


def fields_of(lines: bytes) -> list[Field]:
    """Field lines that were read before, each ended with CRLF, as fields."""
    pairs = (line.partition(b":") for line in lines.split(b"\r\n") if line)
    return [(name, value.strip(b" \t")) for name, _, value in pairs]


def lines_without(fields: Iterable[Field], dropped: frozenset[bytes]) -> bytes:
    """The field lines as bytes, each ended with CRLF, without the names (lower case) to be dropped.

    `X_Forwarded_For` goes with `X-Forwarded-For`: a backend behind CGI's or WSGI's names (RFC 3875 §4.1.18) reads both
    as one, and would believe the client where it should believe the edge.
    """
    return b"".join([b"%b: %b\r\n" % field for field in fields if not _is_named(field[0].lower(), dropped)])


def _is_named(name: bytes, names: frozenset[bytes]) -> bool:
    if name in names:
        return True
    name = name.replace(b"_", b"-")
    return name in names or name.startswith(_FORWARDED)


def values_by_name(fields: Iterable[Field]) -> dict[str, str]:
    """Lower-case name to value; lines of one name are joined with ", " (RFC 9110 §5.3; cookies with "; ")."""
    values: dict[str, str] = {}
    for name, value in fields:
        key, text = name.decode("ascii").lower(), value.decode("latin-1")
        if key in values:
            values[key] += ("; " if key == "cookie" else ", ") + text
        else:
            values[key] = text
    return values


# What must be known before the content, or says where a message ends, for whom it is, or who may have it: never in a
# trailer section (RFC 9110 §6.5.1).
NOT_IN_TRAILERS: Final = (
    HOP_BY_HOP
    | FORWARDING
    | CREDENTIALS
    | frozenset(
        b"age allow cache-control cdn-cache-control content-disposition content-encoding content-length "
        b"content-location content-range content-security-policy content-type date expires host location pragma range "
        b"retry-after set-cookie set-cookie2 strict-transport-security surrogate-control vary via warning "
        b"www-authenticate x-content-type-options".split()
    )
)


def passable_trailers(lines: Iterable[bytes]) -> list[bytes]:
    """Those of the field lines of a trailer section that may go on."""
    fields = [(name, value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines)]
    return [b"%b: %b" % field for field in fields if not _is_named(field[0].lower(), NOT_IN_TRAILERS)]
