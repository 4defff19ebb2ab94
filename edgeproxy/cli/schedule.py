"""`edgeproxy schedule RULES`: the windows of `during` ahead, and what clients get in them. Nothing is asked or sent."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edgeproxy.cli.arguments import add_format, moment
from edgeproxy.cli.brownouts import given_of, length_of, moment_of, taken_of
from edgeproxy.cli.check import exit_status
from edgeproxy.cli.output import printable, say
from edgeproxy.control.garbage import uncollected
from edgeproxy.ruleset.load import RuleFileError, load_ruleset
from edgeproxy.ruleset.schedule import Course, Opening, Schedule, Together, schedule
from edgeproxy.ruleset.trace import window_words

NAME = "schedule"
HELP = "show the coming windows of the rules that have a `during`, and what clients get in them"

_DAY: Final = 86_400.0
_DAYS: Final = 7
_MOST_DAYS: Final = 3_660
_SHOWN: Final = 12  # openings of a rule, for people


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("rules", type=Path, metavar="RULES", help="the rule file")
    parser.add_argument("--from", dest="begin", type=moment, metavar="TIME", help="as in 2024-09-05T12:00Z (now)")
    parser.add_argument("--days", type=_days, default=_DAYS, metavar="N", help=f"how far ahead ({_DAYS})")
    add_format(parser)


def execute(args: Namespace) -> int:
    try:
        with uncollected():
            ruleset = load_ruleset(args.rules)
    except RuleFileError as error:
        say(str(error))
        return exit_status(error.problems)
    begin = float(int(time.time())) if args.begin is None else args.begin
    told = schedule(ruleset, begin, begin + args.days * _DAY)
    say(_text(told, args.days) if args.format == "text" else json.dumps(_json(told), indent=2))
    return 0


def _days(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:9]) <= _MOST_DAYS:
        raise ArgumentTypeError(f"{text!r} is not a number of days: 1 to {_MOST_DAYS}")
    return int(text)


# -- for people -----------------------------------------------------------------------------------------------------


def _text(told: Schedule, days: int) -> str:
    if not told.courses:
        return "no rule has a `during`"
    lines = [f"from {moment_of(told.begin)}, {days} day{'s' if days > 1 else ''}"]
    for course in told.courses:
        lines += ["", *_course(course)]
    if len(told.courses) > 1 and told.together:
        lines += ["", "together: of these rules, at least one takes requests", *_all_together(told)]
    return "\n".join(lines)


def _course(course: Course) -> Iterator[str]:
    rule = course.rule
    yield f"{rule.name}  {rule.place.file}:{rule.place.line}"
    yield f"  takes {printable(taken_of(rule))}"
    yield f"  clients get {printable(given_of(rule))}"
    yield from (f"  during {window_words((each,))}" for each in rule.match.during)
    if rule.off is not None:
        yield f"  off: {printable(rule.off)}"
    elif not course.openings:
        yield "  over" if course.later is None else f"  not in this time; it begins at {moment_of(course.later)}"
    yield from (f"    {_opening(each)}" for each in course.openings[:_SHOWN])
    yield from _rest(course.openings, more=course.more)


def _all_together(told: Schedule) -> Iterator[str]:
    for each in told.together[:_SHOWN]:
        at_once = f", {length_of(each.at_once)} of it more than one" if each.at_once else ""
        yield f"    {_opening(each.opening)}  {', '.join(each.rules)}{at_once}"
    yield from _rest(tuple(each.opening for each in told.together), more=told.more)


def _rest(openings: tuple[Opening, ...], *, more: bool) -> Iterator[str]:
    left = len(openings) - _SHOWN
    if left > 0:
        yield f"    {f'more than {left:,}' if more else f'{left:,}'} more; {'then' if more else 'the last one'}:"
        yield f"    {_opening(openings[-1])}"
    if more:
        yield "    and so on: there are more than are looked at"


def _opening(opening: Opening) -> str:
    start = "open now" if opening.start is None else moment_of(opening.start)
    if opening.end is None:
        return f"{start}  {'for good' if opening.for_good else 'and no end is in sight'}"
    length = "" if opening.seconds is None else f"  {length_of(opening.seconds)}"
    return f"{start}  until {moment_of(opening.end)}{length}"


# -- for programs ---------------------------------------------------------------------------------------------------


def _json(told: Schedule) -> dict[str, object]:
    return {
        "from": moment_of(told.begin),
        "until": moment_of(told.until),
        "rules": [_course_json(each) for each in told.courses],
        "together": [_together_json(each) for each in told.together],
        "more": told.more,
    }


def _course_json(course: Course) -> dict[str, object]:
    rule = course.rule
    return {
        "rule": rule.name,
        "file": rule.place.file,
        "line": rule.place.line,
        "takes": taken_of(rule),
        "clients_get": given_of(rule),
        "during": [window_words((each,)) for each in rule.match.during],
        "off": rule.off,
        "openings": [_opening_json(each) for each in course.openings],
        "more": course.more,
        "later": None if course.later is None else moment_of(course.later),
    }


def _together_json(together: Together) -> dict[str, object]:
    return {**_opening_json(together.opening), "rules": list(together.rules), "at_once": together.at_once}


def _opening_json(opening: Opening) -> dict[str, object]:
    return {
        "start": None if opening.start is None else moment_of(opening.start),
        "end": None if opening.end is None else moment_of(opening.end),
        "seconds": opening.seconds,
        "for_good": opening.for_good,
    }
