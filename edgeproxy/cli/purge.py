"""`edgeproxy purge`: take back what a running edge has kept."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from edgeproxy.caching.purge_names import read_url
from edgeproxy.cli.output import say
from edgeproxy.cli.running_edge import WHICH_EDGE, WRONG_USAGE, add_control, complain, control_of
from edgeproxy.control.control_client import CannotAsk, ask
from edgeproxy.http.target import BadTarget

NAME = "purge"
HELP = "take back what a running edge has kept: it is stale from now on, and asked for anew; with --hard it is gone"

_AT_A_TIME: Final = 100  # names in one command: with the longest URLs its line stays below the longest


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("urls", nargs="*", type=_url, metavar="URL", help="without a query: whatever the query")
    parser.add_argument(
        "--tag", action="append", default=[], type=_tag, metavar="TAG", help="may be given several times"
    )
    parser.add_argument("--all", action="store_true", help="everything")
    parser.add_argument("--hard", action="store_true", help="remove it: no stale copy is given while a backend fails")
    add_control(parser)


def execute(args: Namespace) -> int:
    path = control_of(args)
    wrong = _wrong_usage(args, path)
    if wrong is not None or path is None:
        complain(NAME, wrong)
        return WRONG_USAGE
    names = ["everything"] if args.all else [*args.urls, *(f"tag {tag}" for tag in args.tag)]
    try:
        _purge(path, args, names)
    except CannotAsk as error:
        complain(NAME, error)
        return 1
    return 0


def _wrong_usage(args: Namespace, path: Path | None) -> str | None:
    if args.all and (args.urls or args.tag):
        return "--all beside URLs or tags: say one of both"
    if not (args.all or args.urls or args.tag):
        return "nothing is named: say URLs, --tag TAG, or --all"
    if path is None:
        return WHICH_EDGE
    return None


def _purge(path: Path, args: Namespace, names: Sequence[str]) -> None:
    """Raises CannotAsk. What was said to be purged is purged."""
    how = "removed" if args.hard else "stale from now on"
    on_disk = None
    said = 0
    for answer in ask(path, _lines(args)):
        found = answer.get("disk")
        on_disk = found + (on_disk or 0) if isinstance(found, int) else on_disk
        say("\n".join(f"{how}: {name}" for name in names[said : said + _AT_A_TIME]))
        said += _AT_A_TIME
    if on_disk is not None:
        say(f"on disk: {on_disk} {'copy' if on_disk == 1 else 'copies'}")


def _lines(args: Namespace) -> Iterator[dict[str, object]]:
    """Commands of at most so many names, URLs first."""
    if args.all:
        yield {"do": "purge", "all": True, "hard": args.hard}
        return
    names = [*(("urls", url) for url in args.urls), *(("tags", tag) for tag in args.tag)]
    for at in range(0, len(names), _AT_A_TIME):
        now = names[at : at + _AT_A_TIME]
        by_kind = {kind: [name for its, name in now if its == kind] for kind in ("urls", "tags")}
        yield {"do": "purge", **by_kind, "hard": args.hard}


def _url(text: str) -> str:
    try:
        read_url(text)
    except BadTarget as error:
        raise ArgumentTypeError(f"{text!r}: {error}") from None
    return text


def _tag(text: str) -> str:
    """As Surrogate-Key has them: without blanks."""
    if not text or text.split() != [text]:
        raise ArgumentTypeError(f"{text!r} is not a tag: it has no blanks, as in project/flask")
    return text
