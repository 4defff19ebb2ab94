"""A listener's certificates: chosen by SNI, read again when their files change, clients' verified when asked for.

Laws of this module:
- the listener's context never changes; its SNI callback, which OpenSSL calls for each handshake (a client without SNI
  included), puts the chosen certificate's context in its place. So a new set is swapped in by one assignment, and
  established connections keep theirs;
- files that cannot be used leave the set that is there as it is.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from edgeproxy.proxy.certificate_names import end_in_pem, names_in_pem
from edgeproxy.ruleset.listeners import Certificate, ClientCertificates, Listener

# Forward secrecy and authenticated encryption only (RFC 9325 §4.2); TLS 1.3 has no other.
_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
_SOON: Final = timedelta(days=14)  # whoever renews by a program has done it long before

_Signature = tuple[tuple[int, int, int] | None, ...]


class UnusableCertificate(Exception):
    """The message says which file, what is wrong with it, and what to do."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """One reading of a listener's files."""

    exact: dict[str, ssl.SSLContext]
    wildcard: dict[str, ssl.SSLContext]  # `*.pypi.test` under pypi.test
    default: ssl.SSLContext  # the first
    ends: dict[Path, datetime]  # until when the certificates are valid

    def choose(self, name: str | None) -> ssl.SSLContext:
        if name is None:
            return self.default
        name = name.lower().removesuffix(".")
        parent = name.partition(".")[2]  # a wildcard stands for one label (RFC 9525 §6.3)
        return self.exact.get(name) or self.wildcard.get(parent) or self.default


class Certificates:
    """What a TLS listener shows its clients. Raises UnusableCertificate."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._signature = self._sign()
        self._loaded = _load(listener)
        self.context = _context(listener.certificates[0], listener.clients)  # for uvloop; see the module's first law
        self.context.sni_callback = self._on_name

    def look_again(self) -> bool:
        """Whether the files have changed and were read. Raises UnusableCertificate, once for each change."""
        signature = self._sign()
        if signature == self._signature:
            return False
        self._signature = signature  # taken before the files are read: a change in between is seen the next time
        self._loaded = _load(self._listener)
        return True

    def warnings(self, now: datetime) -> list[str]:
        """What an operator should hear of the certificates that are in use."""
        return [_say_end(file, end, now) for file, end in self._loaded.ends.items() if end - now < _SOON]

    def _on_name(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = self._loaded.choose(name)

    def _sign(self) -> _Signature:
        files = [file for certificate in self._listener.certificates for file in (certificate.cert, certificate.key)]
        if self._listener.clients is not None:
            files.append(self._listener.clients.ca)
        return tuple(_sign(file) for file in files)


def _sign(file: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _say_end(file: Path, end: datetime, now: datetime) -> str:
    how = "expired on" if end <= now else "expires on"
    return f"the certificate {file} {how} {end:%Y-%m-%d %H:%M} UTC: write a new one: it is taken within a second"


def _load(listener: Listener) -> _Loaded:
    exact: dict[str, ssl.SSLContext] = {}
    wildcard: dict[str, ssl.SSLContext] = {}
    ends: dict[Path, datetime] = {}
    contexts = []
    for certificate in listener.certificates:
        context = _context(certificate, listener.clients)
        contexts.append(context)
        names, ends[certificate.cert] = _read(certificate.cert)
        for name in names:
            if name.startswith("*."):
                wildcard.setdefault(name[2:], context)
            else:
                exact.setdefault(name, context)
    return _Loaded(exact, wildcard, contexts[0], ends)


def _read(cert: Path) -> tuple[tuple[str, ...], datetime]:
    try:
        pem = cert.read_bytes()
        return names_in_pem(pem), end_in_pem(pem)
    except (OSError, ValueError) as error:
        raise UnusableCertificate(f"{cert}: its names or its end cannot be read: {error}: name a PEM file") from None


def _context(certificate: Certificate, clients: ClientCertificates | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    _load_chain(context, certificate)
    if clients is not None:
        _verify_clients(context, clients)
    return context


def _load_chain(context: ssl.SSLContext, certificate: Certificate) -> None:
    cert, key = certificate.cert, certificate.key
    for file in (cert, key):
        if not os.access(file, os.R_OK):
            raise UnusableCertificate(f"{file} is not there or may not be read: create it, or name another")
    try:
        context.load_cert_chain(cert, key, password=_ask_for_password)
    except _Encrypted:
        raise UnusableCertificate(
            f"{key} is encrypted: nobody is there to type its password: decrypt it (openssl pkey)"
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise UnusableCertificate(f"{key} is not the key of {cert}: name the one it was made with") from None
        raise UnusableCertificate(
            f"{cert} or {key} is no PEM file of a certificate or key ({error.reason or error}): write it again"
        ) from None
    except OSError as error:
        raise UnusableCertificate(f"{cert} or {key} cannot be read: {error.strerror or error}: name another") from None


class _Encrypted(Exception):
    pass


def _ask_for_password() -> str:
    """OpenSSL would ask on the terminal, and the edge would wait for ever."""
    raise _Encrypted


def _verify_clients(context: ssl.SSLContext, clients: ClientCertificates) -> None:
    try:
        context.load_verify_locations(clients.ca)
    except OSError as error:  # ssl.SSLError is one
        why = error.reason if isinstance(error, ssl.SSLError) else error.strerror
        raise UnusableCertificate(
            f"{clients.ca}: clients' certificates cannot be verified with it ({why}): name a PEM file of authorities"
        ) from None
    context.verify_mode = ssl.CERT_REQUIRED if clients.required else ssl.CERT_OPTIONAL
    # A resumed session is not verified again: without tickets each connection is, by the authorities of the moment.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
