"""What `edgeproxy replay` is told."""

from __future__ import annotations

import ssl
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import Final

from edgeproxy.cli.arguments import duration, header, share, size
from edgeproxy.cli.running_edge import CONTROL
from edgeproxy.ruleset.ignores import read_ignore
from edgeproxy.ruleset.modifiers import Comparison
from edgeproxy.ruleset.problems import Refusal
from replay.schedule.pacing import AsRecorded, Fixed, Pace, Poisson
from replay.schedule.rewriting import ANY, Rewriting, may_be_set
from replay.sending.sender import WRITES
from replay.sending.target import BadTarget, Settings, Target

RECORDING: Final = "recording"
_FRAMING: Final = frozenset(
    ("connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
)


class WrongUsage(ValueError):
    """Arguments that do not go together; the message says why, and what to do."""


def add_all(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="captures, directories of them, HAR, logs")
    parser.add_argument("--to", type=target, required=True, metavar="URL", help="where to send: http://127.0.0.1:8080")
    add_comparing(parser)
    _add_choice(parser)
    _add_schedule(parser)
    _add_warmth(parser)
    _add_rewriting(parser)
    add_bounds(parser)
    add_tripwire(parser)
    _add_output(parser)


def add_comparing(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("comparing")
    group.add_argument(
        "--against", type=_other, metavar="URL",
        help="ask this one, too, and say what --to answers otherwise; `recording`: than was recorded",
    )  # fmt: skip
    group.add_argument(
        "--compare", type=Comparison, choices=tuple(Comparison), metavar="KIND",
        help=f"how, of rules without a shadow: {', '.join(Comparison)} (by what the answers are)",
    )  # fmt: skip
    group.add_argument(
        "--ignore", action="append", default=[], type=_ignore, metavar="PATTERN", help="no difference: header:X-Cache"
    )
    group.add_argument(
        "--noise", type=share, default=0.0, metavar="PERCENT",
        help="ask --against so many requests twice, and show nothing that it has otherwise than itself (0)",
    )  # fmt: skip
    group.add_argument(
        "--keep", type=size, default=1 << 20, metavar="SIZE", help="of an answer's content, for comparing (1MiB)"
    )
    group.add_argument(
        "--spool", type=size, default=1 << 30, metavar="SIZE", help="of the disk, for what waits to be compared (1GiB)"
    )


def _add_choice(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what is sent: only what is safe")
    group.add_argument(
        "--rules", type=Path, metavar="RULES", help="what is safe by these rules (by what was in force when recorded)"
    )
    group.add_argument(
        "--trust-recorded",
        action="store_true",
        help="without --rules: what the files call safe is, also POST and other methods that may write",
    )
    group.add_argument(
        "--without-credentials", action="store_true", help="send what had some, too, without them (it is refused)"
    )
    group.add_argument("--assume-host", default="pypi.test", metavar="HOST", help="of logs that name none (pypi.test)")
    group.add_argument("--assume-scheme", choices=("http", "https"), default="http", help="likewise (http)")
    group.add_argument("--dry-run", action="store_true", help="read and choose, and send nothing")


def _add_schedule(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("when")
    pace = group.add_mutually_exclusive_group()
    pace.add_argument("--speed", type=positive, default=1.0, metavar="X", help="so many times as fast as recorded (1)")
    pace.add_argument("--rate", type=positive, metavar="N", help="so many a second, evenly")
    pace.add_argument("--poisson", type=positive, metavar="N", help="so many a second in the long run, at random")
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of chance: the same makes the same run (0)")
    group.add_argument(
        "--loop", type=_whole, default=1, metavar="N", help="so many times; 0: until --for, or Ctrl-C (1)"
    )
    group.add_argument("--for", dest="longest", type=duration, metavar="TIME", help="nothing more is due after this")
    group.add_argument(
        "--connections-as",
        choices=("recorded", "free"),
        default="recorded",
        help="recorded: each goes over its client's connection, in order; free: over any that is free (recorded)",
    )


def _add_warmth(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("the cache of an edge")
    group.add_argument("--purge-first", action="store_true", help="begin cold: remove all that the edge has kept")
    group.add_argument("--control", type=Path, metavar="PATH", help=f"the edge's control socket, for that (${CONTROL})")
    group.add_argument(
        "--purge-token-file", type=Path, metavar="FILE", help="or purge each URL over HTTP, with the edge's purge_token"
    )
    group.add_argument(
        "--hit-ratio", type=share, metavar="PERCENT",
        help="of requests, how many were asked before; the others are new ones. It ends when there are none left",
    )  # fmt: skip


def _add_rewriting(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what requests say")
    group.add_argument(
        "--host",
        action="append",
        default=[],
        type=_host,
        metavar="OLD[=NEW]",
        help="send only what was for this host, as for NEW; * is any other; repeatable (all, unchanged)",
    )
    group.add_argument("--target-host", action="store_true", help="say the target's host and port in Host")
    group.add_argument(
        "--header", action="append", default=[], type=_header, metavar="NAME:VALUE", help="set it in all requests"
    )
    group.add_argument("--without-header", action="append", default=[], metavar="NAME", help="leave it out of all")
    group.add_argument(
        "--forwarded",
        action="store_true",
        help="tell client and scheme as a trusted proxy does: X-Forwarded-For, -Proto",
    )
    group.add_argument(
        "--ca", type=Path, metavar="FILE", help="certificates to trust for https, in place of the system's"
    )
    group.add_argument("--insecure", action="store_true", help="take any certificate")


def add_bounds(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("bounds")
    defaults = Settings()
    group.add_argument(
        "--connections", type=count, default=defaults.connections, metavar="N", help="open at once (%(default)s)"
    )
    group.add_argument(
        "--waiting", type=count, default=defaults.waiting, metavar="N",
        help="due, and held since their connection is busy; what is more is not sent (%(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--patience", type=duration, default=defaults.patience, metavar="TIME", help="so late it is still sent (10s)"
    )
    group.add_argument(
        "--timeout", type=duration, default=defaults.timeout, metavar="TIME", help="for a whole answer (30s)"
    )

    group.add_argument(
        "--late-at-most",
        type=duration,
        metavar="TIME",
        help="fail where the sender itself was late, p99 of it more than this, or sent below 95%% of the rate "
        "(it is told from 10ms on)",
    )


def add_tripwire(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("the tripwire: a write ends the run")
    group.add_argument(
        "--writes-header", default=WRITES, metavar="NAME",
        help=f"an answer's field that says how much was written for it ({WRITES})",
    )  # fmt: skip
    group.add_argument(
        "--writes-url",
        type=_page,
        metavar="URL",
        help="asked before, each second, and after: what it says must not change",
    )


def _add_output(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("the report")
    group.add_argument("--json", type=Path, metavar="FILE", help="for programs, too")
    group.add_argument("--html", type=Path, metavar="FILE", help="one page with plots that needs nothing else, too")
    group.add_argument("--quiet", action="store_true", help="no line of progress each second")


# -- what they come to ---------------------------------------------------------------------------------------------


def pace_of(args: Namespace) -> tuple[Pace, str]:
    """And in words."""
    often = "" if args.loop == 1 else ", over and over" if args.loop == 0 else f", {args.loop:,} times"
    if args.rate is not None:
        return Fixed(args.rate), f"{args.rate:g} a second, evenly{often}"
    if args.poisson is not None:
        return Poisson(args.poisson, args.seed), f"{args.poisson:g} a second, at random (seed {args.seed}){often}"
    return AsRecorded(args.speed), f"as recorded, ×{args.speed:g}{often}"


def rewriting_of(args: Namespace) -> Rewriting:
    return Rewriting(
        hosts=dict(args.host),
        host=args.to.authority if args.target_host else None,
        headers=tuple(args.header),
        removed=frozenset(name.lower() for name in args.without_header),
        forwarded=args.forwarded,
        whole=isinstance(args.against, Target),
    )


def settings_of(args: Namespace) -> Settings:
    return Settings(
        connections=args.connections,
        waiting=args.waiting,
        patience=args.patience,
        timeout=args.timeout,
        keep=args.keep if isinstance(args.against, Target) else 0,
        digests=args.against is not None,
    )


def target_of(args: Namespace, target: Target) -> Target:
    """With the certificates that it is to be trusted by. Raises OSError, WrongUsage."""
    if target.tls is None:
        return target
    if args.insecure:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        try:
            context = ssl.create_default_context(cafile=args.ca)
        except ssl.SSLError as error:
            raise WrongUsage(f"{args.ca}: no certificates that can be read: {error.reason or error}") from None
    return Target(target.host, target.port, context)


def check_choice(args: Namespace) -> None:
    """Raises WrongUsage."""
    if args.trust_recorded and args.rules is not None:
        raise WrongUsage("--trust-recorded beside --rules: say one of both; with --rules, what they declare counts")


def check(args: Namespace) -> None:
    """Raises WrongUsage."""
    if not isinstance(args.against, Target) and (args.noise or args.compare is not None or args.ignore):
        raise WrongUsage("--noise, --compare and --ignore are for two targets: say --against URL")
    if args.insecure and args.ca is not None:
        raise WrongUsage("--ca beside --insecure: say one of both")


# -- kinds ------------------------------------------------------------------------------------------------------------


def target(text: str) -> Target:
    try:
        return Target.of(text)
    except BadTarget as error:
        raise ArgumentTypeError(str(error)) from None


def _other(text: str) -> Target | str:
    return text if text == RECORDING else target(text)


def _ignore(text: str) -> str:
    try:
        read_ignore(text)
    except Refusal as refusal:
        raise ArgumentTypeError(f"{refusal.message}: {refusal.remedy}") from None
    return text


def _page(text: str) -> tuple[Target, str]:
    scheme, mark, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    return target(f"{scheme}{mark}{authority}"), slash + path or "/"


def _host(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not old or (equals and not new) or any(each in text for each in "/ \t"):
        raise ArgumentTypeError(f"{text!r} is not OLD or OLD=NEW, such as pypi.test=new.pypi.test, or {ANY}=pypi.test")
    return old.lower(), new


def _header(text: str) -> tuple[str, str]:
    name, value = header(text)
    if name in _FRAMING:
        raise ArgumentTypeError(f"{name}: it is the sender's to say (Host: --host OLD=NEW, or --target-host)")
    if not may_be_set(name):
        raise ArgumentTypeError(f"{name}: backends that believe it would write where they were to read")
    return text.partition(":")[0], value


def positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise ArgumentTypeError(f"{text!r} is no number above 0")
    return value


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def count(text: str) -> int:
    if not (value := _whole(text)):
        raise ArgumentTypeError(f"{text!r} is no number from 1")
    return value
