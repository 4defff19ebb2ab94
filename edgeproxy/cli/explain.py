"""`edgeproxy explain URL --rules FILE`: what the edge would do with a request, and why.

What is told comes from the functions that the edge itself decides with; nothing is asked and nothing is sent.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from edgeproxy.cli.arguments import add_format, header, joined, moment, url
from edgeproxy.cli.check import exit_status
from edgeproxy.cli.explaining.gather import explain
from edgeproxy.cli.explaining.json import as_json
from edgeproxy.cli.explaining.request import Request
from edgeproxy.cli.explaining.text import as_text
from edgeproxy.cli.output import say
from edgeproxy.control.garbage import uncollected
from edgeproxy.http.request import ARM
from edgeproxy.http.target import BadTarget, parse_target
from edgeproxy.ruleset.arms import Side
from edgeproxy.ruleset.load import RuleFileError, load_ruleset

NAME = "explain"
HELP = "show which rule takes a URL, why not those above it, and what is done"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("url", type=url, metavar="URL", help="as a client asks for it")
    parser.add_argument("--rules", type=Path, required=True, metavar="FILE", help="the rule file")
    parser.add_argument("--method", help="the request's method (GET; with --xmlrpc POST)")
    parser.add_argument("--client", default="127.0.0.1", metavar="ADDR", help="the client's address (127.0.0.1)")
    parser.add_argument(
        "-H",
        dest="headers",
        type=header,
        action="append",
        default=[],
        metavar="'Name: value'",
        help="a header of the request; may be given several times",
    )
    parser.add_argument("--at", type=moment, metavar="TIME", help="when, as in 2024-09-05T12:00Z (now)")
    parser.add_argument(
        "--xmlrpc", metavar="METHOD", help="it is an XML-RPC call of this method; '' when that cannot be read"
    )
    parser.add_argument("--arm", type=Side, choices=tuple(Side), help="as Edge-Arm says it with the edge's token")
    parser.add_argument(
        "--all", action="store_true", help="tell of every rule above, not only of those for the host and path"
    )
    add_format(parser)


def execute(args: Namespace) -> int:
    try:
        with uncollected():
            ruleset = load_ruleset(args.rules)
    except RuleFileError as error:
        say(str(error))
        return exit_status(error.problems)
    if args.arm is not None and ruleset.arm_token is None:
        print("edgeproxy explain: --arm: the rules name no `arm_token`: Edge-Arm decides nothing", file=sys.stderr)
        return 2
    scheme, authority, target = args.url
    method = args.method or ("GET" if args.xmlrpc is None else "POST")
    at = time.time() if args.at is None else args.at
    try:
        read = parse_target(target, authority, scheme)
        headers = {name: value for name, value in joined(args.headers).items() if name != ARM}  # which no rule sees
        request = Request(method, read, headers, args.client, args.xmlrpc, at, args.arm)
        told = explain(ruleset, request, every_rule=args.all)
    except BadTarget as error:
        refused = f"400 Bad Request: {error}"
        say(refused if args.format == "text" else json.dumps({"refused": refused}, indent=2))
        return 0
    say(as_text(told) if args.format == "text" else json.dumps(as_json(told), indent=2))
    return 0
