"""A cold cache to begin with: an edge is told to forget, by its control socket or by PURGE."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import uvloop

from edgeproxy.cli.replaying.arguments import WrongUsage
from edgeproxy.cli.running_edge import CONTROL, control_of
from edgeproxy.control.control_client import CannotAsk, ask
from replay.planned import Planned
from replay.schedule.pacing import Fixed, schedule
from replay.sending.run import send
from replay.sending.target import Settings, Target

_RATE: Final = 2_000.0  # a second
_DONE: Final = 200


class CannotPurge(Exception):
    """The message says why."""


def purge(args: Namespace, target: Target, planned: Iterable[Planned]) -> str:
    """In words, what was purged. Raises CannotPurge, WrongUsage, OSError."""
    if args.purge_token_file is not None:
        return _by_url(target, planned, _token(args.purge_token_file))
    path = control_of(args)
    if path is None:
        raise WrongUsage(
            f"--purge-first: which edge? Say --control PATH (or ${CONTROL}), or --purge-token-file FILE to purge each "
            "URL over HTTP"
        )
    try:
        list(ask(path, [{"do": "purge", "all": True, "hard": True}]))
    except CannotAsk as error:
        raise CannotPurge(str(error)) from None
    return "all purged first"


def _by_url(target: Target, planned: Iterable[Planned], token: str) -> str:
    """A URL without its query is purged with all its queries."""
    headers = (("Authorization", f"Bearer {token}"), ("Purge-Mode", "hard"))
    urls = dict.fromkeys(each.url.partition("?")[0] for each in planned)
    purges = [Planned(0.0, "", "PURGE", url, headers) for url in urls]
    outcome = uvloop.run(send(schedule(lambda: purges, Fixed(_RATE)), target, Settings(connections=20)))
    if outcome.statuses != {_DONE: len(purges)}:
        said = ", ".join(f"{status} {count:,}" for status, count in sorted(outcome.statuses.items()))
        raise CannotPurge(f"{target}: not all of {len(purges):,} URLs were purged: {said or 'nobody answers'}")
    return f"{len(purges):,} URLs purged first"


def _token(path: Path) -> str:
    lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    if not lines or not lines[0].strip():
        raise WrongUsage(f"{path}: its first line is to be the token")
    return lines[0].strip()
