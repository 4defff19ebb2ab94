"""`edgeproxy shadow`: what the new side answers otherwise than the old one, as shadows found it."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any, Final

from edgeproxy.cli.arguments import add_format
from edgeproxy.cli.output import moment, say
from edgeproxy.cli.running_edge import add_control, asked
from edgeproxy.cli.shadow_compared import Verdict, uncompared, verdict_of
from edgeproxy.cli.shadow_text import written_report

NAME = "shadow"
HELP = "tell what the new side answers otherwise than the old one: what the shadows of a running edge have found"

_HELPS: Final = {"report": "what differs, how often, since when, with examples", "clear": "forget it: count anew"}


def add_arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, said in _HELPS.items():
        one = verbs.add_parser(verb, help=said, description=said)
        add_control(one)
        if verb == "report":
            one.add_argument("--rule", action="append", default=[], metavar="NAME", help="of these rules alone")
            one.add_argument("--cutover", metavar="NAME", help="of the rules whose shadows speak for it")
            add_format(one)


def execute(args: Namespace) -> int:
    """Exit status: 0 nothing differs (or it is forgotten), 1 something does, or of a rule nothing was compared, 2 wrong
    usage, or nobody answers.
    """
    words: dict[str, object] = {"do": "shadow", "verb": args.verb}
    if args.verb == "report":
        words |= {"rules": args.rule} | ({} if args.cutover is None else {"cutover": args.cutover})
    answer = asked(args, NAME, words, refused=2)
    return answer if isinstance(answer, int) else _say(args, answer)


def _say(args: Namespace, answer: Mapping[str, Any]) -> int:
    if args.verb == "clear":
        say(f"forgotten, but for what is known as noise: what differs counts from {moment(answer['since'])} on")
        return 0
    verdict = verdict_of(answer, args.rule)
    if args.format == "json":
        say(json.dumps({"verdict": verdict, "uncompared": uncompared(answer, args.rule), **answer}, indent=1))
    else:
        say(written_report(answer, args.rule))
    return 0 if verdict is Verdict.SAME else 1
