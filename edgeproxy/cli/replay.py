"""`edgeproxy replay FILE… --to URL`: send what was recorded, and is safe, once more; in open loop, and compared."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable

from edgeproxy.capture.record import Captured
from edgeproxy.cli.output import printable, say
from edgeproxy.cli.replaying.arguments import (
    RECORDING,
    WrongUsage,
    add_all,
    check,
    check_choice,
    rewriting_of,
    target_of,
)
from edgeproxy.cli.replaying.comparing import CannotCompare
from edgeproxy.cli.replaying.purging import CannotPurge
from edgeproxy.cli.replaying.running import Targets, read_of, replay
from edgeproxy.control.garbage import uncollected
from edgeproxy.ruleset.load import RuleFileError, load_ruleset
from edgeproxy.ruleset.model import Ruleset
from replay.capture.found import Unreadable
from replay.capture.reading import Assumed, read_all
from replay.comparing.kinds import Kinds
from replay.planned import Planned
from replay.preparing import Prepared, prepare
from replay.report.as_json import as_json
from replay.report.facts import Report
from replay.report.page import as_page
from replay.report.text import as_text, read_lines
from replay.report.words import moment
from replay.schedule.choosing import MEANINGS, ByRules, Judge, Refused, as_recorded, choose, trusting
from replay.sending.serial import CannotTell
from replay.sending.target import Target

NAME = "replay"
HELP = "send what was recorded, and is safe, to a target, in open loop; compare its answers; report"

_DONE = 0
_FAILED = 1
_UNREADABLE = 2
_DAY = 86_400.0  # seconds


def add_arguments(parser: ArgumentParser) -> None:
    add_all(parser)


def execute(args: Namespace) -> int:
    """Exit status: 0 all was sent and answered, nothing was written, nothing differs; 1 something of that is not so; 2
    unreadable, wrong usage, or nothing to send.
    """
    try:
        check(args)
        check_choice(args)
        with uncollected():
            ruleset = None if args.rules is None else load_ruleset(args.rules)
            targets = _targets(args, ruleset)
            judge, by = _judge(args, ruleset)
            prepared = _prepared(args, judge)
        return _sent(args, prepared, by, targets)
    except (WrongUsage, Unreadable, CannotTell, CannotCompare, CannotPurge) as error:
        print(f"edgeproxy replay: {error}", file=sys.stderr)
    except RuleFileError as error:
        say(str(error))
    except OSError as error:
        print(f"edgeproxy replay: {error.filename}: {error.strerror}", file=sys.stderr)
    return _UNREADABLE


def _sent(args: Namespace, prepared: Prepared, by: str, targets: Targets) -> int:
    for line in prepared.told:
        print(f"skipped: {printable(line)}", file=sys.stderr)
    _tell_length(args, prepared)
    if args.dry_run or not prepared.chosen:
        say(_lines(read_lines(read_of(args, prepared, by))))
        _advise(prepared)
        if prepared.chosen:
            return _DONE
        print(f"edgeproxy replay: nothing to send{_hint(args, prepared)}", file=sys.stderr)
        return _UNREADABLE
    report = replay(args, prepared, by, targets)
    prepared.shelf.close()
    say(_lines(as_text(report)))
    _advise(prepared)
    _write(args, report)
    return _FAILED if report.troubles else _DONE


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(map(printable, lines))


def _write(args: Namespace, report: Report) -> None:
    if args.json is not None:
        args.json.write_text(json.dumps(as_json(report), indent=1) + "\n")
    if args.html is not None:
        args.html.write_text(as_page(report), encoding="utf-8")


def _targets(args: Namespace, ruleset: Ruleset | None) -> Targets:
    against = target_of(args, args.against) if isinstance(args.against, Target) else None
    kinds = Kinds.of(ruleset, args.compare, args.ignore)
    return Targets(target_of(args, args.to), against, kinds, _keeping(ruleset))


def _keeping(ruleset: Ruleset | None) -> Callable[[Planned], bool]:
    """Whether the rule that took a request has a cache; without rules nobody knows, and all may be kept."""
    if ruleset is None:
        return lambda _: True
    rules = {rule.name for rule in ruleset.rules if rule.modifiers.cache is not None}
    return lambda planned: planned.label.partition(": ")[0] in rules


def _judge(args: Namespace, ruleset: Ruleset | None) -> tuple[Judge, str]:
    """And whose word that is."""
    if ruleset is None:
        return trusting if args.trust_recorded else as_recorded, "what was declared when it was recorded"
    return ByRules(ruleset), f"what {args.rules} declares"


def _prepared(args: Namespace, judge: Judge) -> Prepared:
    rewriting = rewriting_of(args)

    def chosen(record: Captured) -> Planned | Refused:
        return choose(
            record,
            judge,
            rewriting,
            without_credentials=args.without_credentials,
            keep_record=args.against == RECORDING,
            by_tls=any(isinstance(each, Target) and each.tls is not None for each in (args.to, args.against)),
        )

    sources = read_all(args.files, Assumed(args.assume_scheme, args.assume_host))
    return prepare(sources, chosen, lambda record: judge(record).shape, is_free=args.connections_as == "free")


def _tell_length(args: Namespace, prepared: Prepared) -> None:
    """One record without a time, which is one of 1970, makes a minute's recording half a century long."""
    if args.rate is not None or args.poisson is not None or args.longest is not None or not prepared.has_times:
        return
    days = (prepared.shelf.last - prepared.shelf.first) / args.speed / _DAY
    if days >= 1:
        print(
            f"edgeproxy replay: it takes {days:,.1f} days, since what is to be sent is from "
            f"{moment(prepared.shelf.first)} to {moment(prepared.shelf.last)}: say --speed, --rate or --for, unless "
            "that is meant",
            file=sys.stderr,
        )


def _advise(prepared: Prepared) -> None:
    """What is refused for want of a word is not to be missed for good."""
    if number := prepared.refused[Refused.UNTRUSTED]:
        print(
            f"edgeproxy replay: {number:,} refused as {Refused.UNTRUSTED}: {MEANINGS[Refused.UNTRUSTED]}. Say --rules "
            "RULES, and what they declare counts; or --trust-recorded, if an edge of yours wrote the file",
            file=sys.stderr,
        )


def _hint(args: Namespace, prepared: Prepared) -> str:
    if args.rules is None and prepared.refused[Refused.UNKNOWN]:
        return ": nobody says what is safe; say --rules RULES, and what they declare counts"
    return ""
