"""The names that a certificate is for, the DNS names of its subjectAltName (RFC 5280 §4.2.1.6), and when it ends.

Why read here: `ssl` tells the names of a peer's certificate only, never of one's own, and `cryptography` would cost
each worker 60 ms at its start and 10 MiB for these two. The walk is over DER that OpenSSL has already accepted,
in files of the operator. The subject's common name is no host name (RFC 9525 §2), and is not looked at.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

_BLOCK: Final = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE: Final = 0x30
_OBJECT_IDENTIFIER: Final = 0x06
_OCTET_STRING: Final = 0x04
_EXTENSIONS: Final = 0xA3  # [3] of a TBSCertificate
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_DNS_NAME: Final = 0x82  # [2] of a GeneralName
_SUBJECT_ALT_NAME: Final = b"\x55\x1d\x11"  # 2.5.29.17


def names_in_pem(pem: bytes) -> tuple[str, ...]:
    """The names of the first certificate in a PEM file, in lower case. Raises ValueError for what is none."""
    return names_in_der(_first_der(pem))


def end_in_pem(pem: bytes) -> datetime:
    """Until when the first certificate in a PEM file is valid. Raises ValueError for what is none."""
    return end_in_der(_first_der(pem))


def _first_der(pem: bytes) -> bytes:
    block = _BLOCK.search(pem)
    if block is None:
        raise ValueError("there is no certificate in it")
    return b64decode(block[1])


def names_in_der(der: bytes) -> tuple[str, ...]:
    try:
        names = [name.decode("ascii").lower() for name in _dns_names(der)]
    except IndexError:
        raise ValueError("its DER ends early") from None
    return tuple(name.removesuffix(".") for name in names)


def end_in_der(der: bytes) -> datetime:
    """The only SEQUENCE of a TBSCertificate that begins with a time is its validity: two times (RFC 5280 §4.1.2.5)."""
    try:
        (_, certificate), *_ = _elements(der)
        (_, to_be_signed), *_ = _elements(certificate)
        for tag, value in _elements(to_be_signed):
            if tag == _SEQUENCE and value[:1] in (bytes((_UTC_TIME,)), bytes((_GENERALIZED_TIME,))):
                (_, _), (kind, end), *_ = _elements(value)
                return _read_time(kind, end.decode("ascii"))
    except IndexError:
        raise ValueError("its DER ends early") from None
    raise ValueError("it does not say until when it is valid")


def _read_time(kind: int, text: str) -> datetime:
    if kind == _UTC_TIME:  # two digits of a year: 1950 to 2049
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _dns_names(der: bytes) -> Iterator[bytes]:
    for extension in _extensions(der):
        parts = list(_elements(extension))
        if parts and parts[0] == (_OBJECT_IDENTIFIER, _SUBJECT_ALT_NAME) and parts[-1][0] == _OCTET_STRING:
            for tag, general_names in _elements(parts[-1][1]):
                if tag == _SEQUENCE:
                    yield from (value for kind, value in _elements(general_names) if kind == _DNS_NAME)


def _extensions(der: bytes) -> Iterator[bytes]:
    (_, certificate), *_ = _elements(der)
    (_, to_be_signed), *_ = _elements(certificate)
    for tag, value in _elements(to_be_signed):
        if tag == _EXTENSIONS:
            for _, extensions in _elements(value):
                yield from (extension for _, extension in _elements(extensions))


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """The tags and contents that follow each other in some DER. Tags above 30 do not occur in certificates."""
    index = 0
    while index < len(der):
        tag, length = der[index], der[index + 1]
        index += 2
        if length & 0x80:  # the length of the length
            octets = length & 0x7F
            length = int.from_bytes(der[index : index + octets], "big")
            index += octets
        if index + length > len(der):
            raise IndexError
        yield tag, der[index : index + length]
        index += length
