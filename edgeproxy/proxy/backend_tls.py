"""TLS to a backend: always verified, and up to date with its files.

A certificate that is renewed on disk is used without a restart: the files are looked at when a connection is opened,
at most once a second. Files that cannot be read, half-written ones for instance, leave the last good ones in use.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from edgeproxy.ruleset.origins import BackendTls

_LOOK_EVERY: Final = 1.0  # seconds

Stamp = tuple[int, int]  # of a file: its time in nanoseconds, its size


class TlsFiles:
    """The SSL context of one backend, made anew when a file of it changes."""

    def __init__(self, tls: BackendTls) -> None:
        self._tls = tls
        files = [tls.ca, *((tls.certificate.cert, tls.certificate.key) if tls.certificate else ())]
        self._files = [file for file in files if file is not None]
        self._stamps: list[Stamp] = []
        self._looked = float("-inf")
        self._context: ssl.SSLContext | None = None

    def context(self, now: float) -> ssl.SSLContext:
        """Raises OSError (ssl.SSLError included) when there has never been a good one."""
        if self._context is None or now - self._looked >= _LOOK_EVERY:
            self._looked = now
            try:
                self._look()
            except OSError:
                if self._context is None:
                    raise
        assert self._context is not None
        return self._context

    def _look(self) -> None:
        stamps = [_stamp(file) for file in self._files]
        if self._context is None or stamps != self._stamps:
            self._context = make_context(self._tls)
            self._stamps = stamps


def _stamp(file: Path) -> Stamp:
    found = file.stat()
    return found.st_mtime_ns, found.st_size


def make_context(tls: BackendTls) -> ssl.SSLContext:
    """A client's context: TLS 1.2 or later, HTTP/1.1, the certificate and its name verified. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if tls.ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        context.load_verify_locations(cafile=tls.ca)
    if tls.certificate is not None:
        context.load_cert_chain(tls.certificate.cert, tls.certificate.key)
    return context
