"""What is kept of a request that somebody else has written down: the same as of one that came through the edge."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from edgeproxy.capture.record import BadRecord
from edgeproxy.capture.scrubbing import credentials_of, kept_headers, kept_url
from edgeproxy.migration.place import site_of

_URL: Final = re.compile(r"(https?)://([^/?#\s]+)([^#\s]*)(?:#.*)?", re.IGNORECASE | re.DOTALL)
_METHOD: Final = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}")


def request_words(method: str, url: str, headers: Mapping[str, str], client: object) -> dict[str, Any]:
    """Words of a record, scrubbed; names of headers in lower case. Raises BadRecord, which quotes nothing."""
    found = _URL.fullmatch(url)
    if found is None:
        raise BadRecord("`url` is no http or https URL")
    if _METHOD.fullmatch(method) is None:
        raise BadRecord("`method` is none")
    rest = found[3] if found[3].startswith("/") else f"/{found[3]}"
    words: dict[str, Any] = {
        "method": method,
        "url": kept_url(found[1].lower(), found[2], rest),
        "headers": kept_headers(headers),
    }
    credentials = credentials_of(headers)
    if credentials or "@" in found[2]:
        words["credentials"] = list(dict.fromkeys([*credentials, *(["authorization"] if "@" in found[2] else [])]))
    network = network_of(client)
    return words if network is None else {**words, "client": network}


def joined(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Several of one name are one list (RFC 9110 §5.3); names in lower case. Each once: who wrote a file may have
    written a hundred thousand of one name. Raises TypeError and AttributeError for what is no text.
    """
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name.lower(), []).append(value)
    return {name: ", ".join(all_of_it) for name, all_of_it in values.items()}


def network_of(client: object) -> str | None:
    """The first address of a client's network; None for what is no address."""
    if not isinstance(client, str):
        return None
    network, slash, _ = site_of(client).partition("/")
    return network if slash else None
