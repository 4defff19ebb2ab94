"""`edgeproxy capture`: let a running edge record its traffic, and look at what was recorded."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from edgeproxy.cli.arguments import add_format, share, size
from edgeproxy.cli.capture_files import convert, show, verify
from edgeproxy.cli.output import say
from edgeproxy.cli.running_edge import add_control, asked
from replay import addon as mitmproxy_addon

NAME = "capture"
HELP = "record a running edge's traffic, scrubbed, and look at what was recorded"


def _addon(_: Namespace) -> int:
    """Exit status: 0."""
    say(str(Path(mitmproxy_addon.__file__).with_name("edgeproxy_addon.py")))
    return 0


_WITHOUT_EDGE: Final[Mapping[str, Callable[[Namespace], int]]] = {
    "show": show,
    "verify": verify,
    "convert": convert,
    "addon": _addon,
}


def add_arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    start = _verb(verbs, "start", "begin to record, in every worker")
    start.add_argument("directory", type=Path, metavar="DIR", help="where its files go; it is made if it is not there")
    start.add_argument("--share", type=_share, default=1.0, metavar="PERCENT", help="of clients' connections (100%%)")
    start.add_argument("--most", type=size, default=1 << 30, metavar="SIZE", help="of the disk, in all (1GiB)")
    stop = _verb(verbs, "stop", "end it; when this returns, its files are whole")
    status = _verb(verbs, "status", "whether one runs, and what it comes to")
    for one in (start, stop, status):
        add_format(one)
        add_control(one)
    shown = _verb(verbs, "show", "what is in captures, and in what else can be read: HAR, mitmproxy, GoReplay, logs")
    verified = _verb(verbs, "verify", "look for secrets in captures; exit status 1: there are some, or it cannot tell")
    converted = _verb(verbs, "convert", "write what can be read as a capture, or as HAR")
    for one in (shown, verified, converted):
        one.add_argument("files", nargs="+", type=Path, metavar="FILE", help="or a directory with captures")
    for one in (shown, converted):
        one.add_argument("--host", default="pypi.test", help="of logs that name none (pypi.test)")
        one.add_argument("--scheme", choices=("http", "https"), default="http", help="likewise (http)")
    _verb(verbs, "addon", 'where mitmproxy\'s addon is: mitmdump -s "$(edgeproxy capture addon)" --set capture=DIR')
    shown.add_argument("--format", choices=("text", "json", "records"), default="text", help="records: newline JSON")
    verified.add_argument("--known", type=Path, metavar="FILE", help="secrets to look for, one a line, in any spelling")
    converted.add_argument("--to", type=Path, required=True, metavar="FILE", help="NAME.capture or NAME.har")


def execute(args: Namespace) -> int:
    """Exit status: 0 done, 1 refused or found, or nobody answers, 2 wrong usage, or unreadable."""
    without_edge = _WITHOUT_EDGE.get(args.verb)
    if without_edge is not None:
        return without_edge(args)
    words: dict[str, object] = {"do": "capture", "verb": args.verb}
    if args.verb == "start":
        words |= {"directory": str(args.directory.absolute()), "share": args.share, "most": args.most}
    answer = asked(args, NAME, words, refused=1)
    if isinstance(answer, int):
        return answer
    say(json.dumps(answer, indent=1) if args.format == "json" else _told(answer))
    return 0


def _told(answer: Mapping[str, Any]) -> str:
    if "directory" not in answer:
        return "no capture runs, and none has run since this edge started"
    state = "runs" if answer["running"] else "has ended"
    lines = [
        f"the capture {answer['name']} {state}: {answer['share']:.4g} of all connections, to {answer['directory']}"
    ]
    if answer["problem"] is not None:
        lines.append(f"  not all of it could be written: {answer['problem']}")
    lines.append(
        f"  {answer.get('written', 0):,} exchanges written, of {answer.get('connections', 0):,} connections, in "
        f"{answer.get('files', 0):,} files with {answer.get('octets', 0):,} octets"
    )
    dropped, lost = answer.get("dropped", 0), answer.get("lost", 0)
    lines.append(f"  {dropped:,} dropped, since too much waited for the disk; {lost:,} lost, since it took nothing")
    if died := answer.get("died", 0):
        lines.append(
            f"  {died:,} worker{'' if died == 1 else 's'} died while it ran: exchanges that were not written yet went "
            "with that, and nobody knows how many"
        )
    return "\n".join(lines)


def _verb(verbs: Any, name: str, told: str) -> ArgumentParser:
    made: ArgumentParser = verbs.add_parser(name, help=told, description=told)
    return made


def _share(text: str) -> float:
    read = share(text)
    if not read:
        raise ArgumentTypeError("nothing would be recorded: say a percentage above 0")
    return read
