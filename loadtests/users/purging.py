"""What an edge is told to take back while load runs, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from loadtests.users.profiles import Purge, Purged


def command_of(purge: Purge, index: str, names: Sequence[str], number: int) -> Mapping[str, object]:
    """That of so many before it, for the edge's control socket. Projects come by turns."""
    if purge.what is Purged.EVERYTHING:
        return {"do": "purge", "all": True, "hard": purge.is_hard}
    turn = (names[(number * purge.each + each) % len(names)] for each in range(min(purge.each, len(names))))
    urls = [url for name in turn for url in (f"{index}/simple/{name}/", f"{index}/pypi/{name}/json")]
    return {"do": "purge", "urls": urls, "tags": [], "hard": purge.is_hard}


def moments(purge: Purge) -> Iterator[float]:
    """In seconds since the beginning of the run."""
    number = 0
    while not number or number * purge.every < purge.lasts:
        yield purge.after + number * purge.every
        number += 1
