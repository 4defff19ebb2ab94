"""`edgeproxy model`: a model of recorded traffic that holds nothing of what was recorded, and traffic drawn from it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from edgeproxy.cli.arguments import add_format, duration
from edgeproxy.cli.modelling.fitting import check_model, fit_model
from edgeproxy.cli.modelling.naming import CannotName, name_things
from edgeproxy.cli.modelling.playing import play_model
from edgeproxy.cli.output import say
from edgeproxy.cli.replaying.arguments import (
    WrongUsage,
    add_bounds,
    add_comparing,
    add_tripwire,
    count,
    positive,
    target,
)
from edgeproxy.cli.replaying.comparing import CannotCompare
from edgeproxy.ruleset.load import RuleFileError
from replay.capture.found import Unreadable
from replay.model.catalogue import BadNames
from replay.model.files import BadModel
from replay.model.fitting import CannotFit
from replay.model.sharing import LEAST
from replay.sending.serial import CannotTell

NAME = "model"
HELP = "fit a model to recorded traffic that holds nothing of it, look how like it is, and send traffic drawn from it"

_UNREADABLE: Final = 2
_DOES: Final[Mapping[str, Callable[[Namespace], int]]] = {
    "fit": fit_model,
    "check": check_model,
    "names": name_things,
    "play": play_model,
}


def add_arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _add_fit(_verb(verbs, "fit", "make a model of the safe requests of captures"))
    _add_check(_verb(verbs, "check", "set a model's traffic beside a capture: exit status 1: it is unlike somewhere"))
    _add_names(_verb(verbs, "names", "ask a target's index what there is to ask for, and write that down"))
    _add_play(_verb(verbs, "play", "send traffic drawn from a model to a target"))


def execute(args: Namespace) -> int:
    """Exit status: 0 done, 1 something is broken, unlike, or not answered, 2 unreadable, wrong usage, or impossible."""
    try:
        return _DOES[args.verb](args)
    except (Unreadable, BadModel, BadNames, CannotFit, CannotName, CannotTell, CannotCompare, WrongUsage) as error:
        print(f"edgeproxy model: {error}", file=sys.stderr)
    except RuleFileError as error:
        say(str(error))
    except OSError as error:
        print(f"edgeproxy model: {error.filename or 'it could not be done'}: {error.strerror}", file=sys.stderr)
    return _UNREADABLE


def _add_fit(parser: ArgumentParser) -> None:
    _add_files(parser)
    parser.add_argument(
        "--to", type=Path, required=True, metavar="MODEL", help="NAME.yaml or NAME.json: what is written"
    )
    parser.add_argument(
        "--shared-by", type=count, default=LEAST, metavar="N",
        help=f"clients, by the networks of their addresses, that share whatever is in the model ({LEAST})",
    )  # fmt: skip
    _add_page(parser)


def _add_check(parser: ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL")
    _add_files(parser)
    _add_page(parser)
    add_format(parser)


def _add_names(parser: ArgumentParser) -> None:
    parser.add_argument("index", metavar="URL", help="of the index, as clients know it: http://pypi.test/simple/")
    parser.add_argument("--at", type=target, metavar="URL", help="the target to ask it of (the URL's own host)")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE", help="what is written, for `play --names`")
    _add_walk(parser)


def _add_play(parser: ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("--to", type=target, required=True, metavar="URL", help="where to send: http://127.0.0.1:8080")
    parser.add_argument(
        "--names",
        required=True,
        metavar="FILE|URL",
        help="what there is: as `names` wrote it, or an index at the target",
    )
    _add_walk(parser)
    parser.add_argument("--for", dest="longest", type=duration, default=60.0, metavar="TIME", help="(60s)")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--rate", type=positive, metavar="N", help="requests a second: by so many more clients (as seen)")
    pace.add_argument("--speed", type=positive, default=1.0, metavar="X", help="all of it so many times as fast (1)")
    parser.add_argument("--dry-run", action="store_true", help="draw and count, and send nothing")
    add_comparing(parser)
    parser.add_argument("--ca", type=Path, metavar="FILE", help="certificates to trust for https")
    parser.add_argument("--insecure", action="store_true", help="take any certificate")
    add_bounds(parser)
    add_tripwire(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="the report for programs, too")
    parser.add_argument("--html", type=Path, metavar="FILE", help="and as one page, with plots")
    parser.add_argument("--quiet", action="store_true", help="no line of progress each second")


def _add_files(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="captures, directories of them, HAR, logs")
    parser.add_argument("--rules", type=Path, metavar="RULES", help="what is safe, and which rule's, by these rules")
    parser.add_argument("--assume-host", default="pypi.test", metavar="HOST", help="of logs that name none (pypi.test)")
    parser.add_argument("--assume-scheme", choices=("http", "https"), default="http", help="likewise (http)")


def _add_page(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--page", type=Path, metavar="FILE", help="how like it is: a page (.html), picture (.svg) or .json"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of chance: the same gives the same (0)")


def _add_walk(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--most", type=count, default=200, metavar="N", help="projects whose pages are asked for files (%(default)s)"
    )
    parser.add_argument(
        "--order", type=Path, metavar="FILE", help="projects, one a line, the most popular first (at random, by --seed)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of chance: the same gives the same (0)")


def _verb(verbs: Any, name: str, told: str) -> ArgumentParser:
    made: ArgumentParser = verbs.add_parser(name, help=told, description=told)
    return made
