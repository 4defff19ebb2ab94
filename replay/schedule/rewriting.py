"""What a replayed request says that the recorded one did not: other hosts, other headers.

Laws of this module:
- no credential, and nothing that makes another request of it at a backend that believes it, or plants a fault, goes
  along, however it came into a recording (`migration/copies`);
- where hosts are named, requests for others are not sent: what was for the host of files is none of an index's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from edgeproxy.capture.record import Captured
from edgeproxy.http.fields import OVERRIDES
from edgeproxy.migration.copies import is_gone

Headers = tuple[tuple[str, str], ...]

ANY: Final = "*"
# What a copy for comparing is without, and a replay is not: a target that says 304 and 206 has another load.
_OF_THE_WHOLE: Final = frozenset(
    ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range")
)
_NEVER: Final = frozenset(name.lower() for name in OVERRIDES)


class NotNamed(ValueError):
    """Its host is none of those that are to be asked."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """`hosts`: by the recorded one, without a port, what the request says; ANY is all others; empty: as recorded.
    `host`: what all say, in place of that. `headers` are set, in place of those of these names; `removed` are names in
    lower case. `forwarded`: tell the recorded client and scheme, as a trusted proxy does. `whole`: without conditions
    and ranges, so that two targets may be compared.
    """

    hosts: Mapping[str, str] = field(default_factory=dict)
    host: str | None = None
    headers: Headers = ()
    removed: frozenset[str] = frozenset()
    forwarded: bool = False
    whole: bool = False

    def of(self, record: Captured) -> tuple[str, Headers]:
        """The URL and the headers. Raises NotNamed."""
        scheme, _, _ = record.url.partition("://")
        url = f"{scheme}://{self._authority(record.authority.rpartition('@')[2])}{record.target}"
        gone = self.removed | {name.lower() for name, _ in self.headers}
        headers = [(name, value) for name, value in record.headers.items() if name not in gone and self._goes(name)]
        if self.forwarded:
            headers.append(("X-Forwarded-Proto", scheme))
            if record.client is not None:
                headers.append(("X-Forwarded-For", record.client))
        return url, (*headers, *self.headers)

    def _authority(self, recorded: str) -> str:
        if not self.hosts:
            return self.host or recorded
        name = _without_port(recorded).lower()
        found = self.hosts.get(name, self.hosts.get(ANY))
        if found is None:
            raise NotNamed(name)
        return self.host or found or recorded

    def _goes(self, name: str) -> bool:
        return goes_along(name) and not (self.whole and name in _OF_THE_WHOLE)


def goes_along(name: str) -> bool:
    """Whether a request that nobody makes by hand may have it; in lower case."""
    return name in _OF_THE_WHOLE or not _is_gone(name)


def may_be_set(name: str) -> bool:
    """Whether a user may have all requests say this: it is theirs to add credentials of a test, but not to make
    writes of reads.
    """
    return name.lower().replace("_", "-") not in _NEVER


@lru_cache(512)
def _is_gone(name: str) -> bool:
    return is_gone(name.encode("latin-1", "replace"))


def _without_port(authority: str) -> str:
    host, colon, port = authority.rpartition(":")
    return host if colon and port.isdigit() else authority
