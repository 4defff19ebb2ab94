"""How faults are written, in a header and on the command line. Closed: what is not said here is an error.

planted:  WHERE FAULT          simple/jinja2 missing
header:   FAULT{, FAULT}       slow=300ms share=20%, without=yanked

WHERE     simple json page files calls upload, or * for all; /PROJECT after it
FAULT     slow=TIME, error[=5xx], hang, reset[=OCTETS], missing, wrong-hash[=file|metadata|all],
          without=requires-python|yanked|core-metadata, redirect=host-loop|name-flip
          then, in any order: share=PERCENT, seed=NUMBER, kept
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Final, TypeVar

from packaging.utils import canonicalize_name

from backends.faults.model import (
    WHOLE,
    Attribute,
    Effect,
    Error,
    Fault,
    Hang,
    Hashes,
    Incident,
    Missing,
    Redirect,
    Reset,
    Slow,
    Surface,
    Where,
    Without,
    WrongHash,
)

MOST_IN_HEADER: Final = 8
SLOWEST: Final = 600.0  # seconds

_KINDS: Final = ("slow", "error", "hang", "reset", "missing", "wrong-hash", "without", "redirect")
_OPTIONS: Final = ("share", "seed", "kept")
_UNITS: Final[Mapping[str, float]] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
_TIME: Final = re.compile(r"(\d{1,7})(ms|s|m|h)", re.ASCII)
_PERCENT: Final = re.compile(r"(\d{1,3})(?:\.(\d{1,3}))?%", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,12}", re.ASCII)
_PROJECT: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,198}[A-Za-z0-9])?")

# The surface on which each incident happens; planted elsewhere it could never act.
_HAPPENS_AT: Final[Mapping[Incident, Surface]] = {
    Incident.HOST_LOOP: Surface.FILES,
    Incident.NAME_FLIP: Surface.JSON,
}

_Word = TypeVar("_Word", bound=StrEnum)


class FaultError(ValueError):
    """Says what of a fault cannot be understood, why, and what could be said instead."""


def read_planted(text: str) -> tuple[Where, Fault]:
    words = text.split()
    if len(words) < 2:
        raise FaultError(f"{text!r} is no fault with its place: give both, as in 'simple/jinja2 missing'")
    where, fault = _where(words[0]), _fault(words[1:])
    _check_together(where, fault.effect)
    return where, fault


def read_header(text: str) -> tuple[Fault, ...]:
    faults = tuple(_fault(part.split()) for part in text.split(","))
    if len(faults) > MOST_IN_HEADER:
        raise FaultError(f"{len(faults)} faults for one request are more than {MOST_IN_HEADER}: ask for fewer")
    return faults


def read_time(text: str, most: float) -> float:
    """In seconds."""
    matched = _TIME.fullmatch(text)
    if matched is None:
        raise FaultError(f"{text!r} is not a time: give one like 300ms, 2s, 10m or 1h")
    seconds = int(matched[1]) * _UNITS[matched[2]]
    if not 0 < seconds <= most:
        raise FaultError(f"{text!r} is not between 0 and {most:g} seconds: give a time that is")
    return seconds


def _where(word: str) -> Where:
    surface, slash, project = word.partition("/")
    if surface != "*" and surface not in list(Surface):
        raise FaultError(f"{surface!r} is no place: give one of {', '.join(Surface)}, or * for all")
    if slash and project != "*" and not _PROJECT.fullmatch(project):
        raise FaultError(f"{project!r} is no project's name: give one like jinja2, or nothing after {surface}")
    return Where(
        None if surface == "*" else Surface(surface),
        str(canonicalize_name(project)) if slash and project != "*" else None,
    )


def _fault(words: Sequence[str]) -> Fault:
    if not words:
        raise FaultError(f"a fault is missing: give one of {', '.join(_KINDS)}")
    kind, equals, value = words[0].partition("=")
    fault = Fault(_effect(kind, value if equals else None))
    given: set[str] = set()
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if name in given:
            raise FaultError(f"{name!r} is given twice: say it once")
        given.add(name)
        fault = _with_option(fault, name, value if equals else None)
    return fault


def _effect(kind: str, value: str | None) -> Effect:
    match kind:
        case "slow":
            return Slow(read_time(_needed(kind, value, "300ms"), SLOWEST))
        case "error":
            return Error(_status(value))
        case "hang":
            _no_value(kind, value)
            return Hang()
        case "reset":
            return Reset(None if value is None else _number(kind, value))
        case "missing":
            _no_value(kind, value)
            return Missing()
        case "wrong-hash":
            return WrongHash(Hashes.ALL if value is None else _word(kind, value, Hashes))
        case "without":
            return Without(_word(kind, value, Attribute))
        case "redirect":
            return Redirect(_word(kind, value, Incident))
        case _:
            raise FaultError(f"{kind!r} is no fault: give one of {', '.join(_KINDS)}")


def _with_option(fault: Fault, name: str, value: str | None) -> Fault:
    match name:
        case "share":
            return replace(fault, share=_share(_needed(name, value, "5%")))
        case "seed":
            return replace(fault, seed=_number(name, _needed(name, value, "7")))
        case "kept":
            _no_value(name, value)
            return replace(fault, is_kept=True)
        case _:
            raise FaultError(f"{name!r} says nothing about a fault: give one of {', '.join(_OPTIONS)}")


def _status(value: str | None) -> int:
    if value is None:
        return 500
    if not (_NUMBER.fullmatch(value) and 500 <= int(value) <= 599):
        raise FaultError(f"error={value} is not the status of a server's failure: give one from 500 to 599")
    return int(value)


def _share(value: str) -> int:
    matched = _PERCENT.fullmatch(value)
    share = int(matched[1]) * 1000 + int((matched[2] or "").ljust(3, "0")) if matched else 0
    if not 0 < share <= WHOLE:
        raise FaultError(f"share={value} is not above 0% and up to 100%: give one like 5% or 0.1%")
    return share


def _number(name: str, value: str) -> int:
    if not _NUMBER.fullmatch(value):
        raise FaultError(f"{name}={value} is not a whole number: give one like {name}=1000")
    return int(value)


def _word(kind: str, value: str | None, words: type[_Word]) -> _Word:
    try:
        return words(value or "")
    except ValueError:
        known = ", ".join(f"{kind}={word}" for word in words)
        raise FaultError(f"{kind}={value or ''} is not known: give one of {known}") from None


def _needed(name: str, value: str | None, example: str) -> str:
    if not value:
        raise FaultError(f"{name!r} needs a value: give one like {name}={example}")
    return value


def _no_value(name: str, value: str | None) -> None:
    if value is not None:
        raise FaultError(f"{name!r} takes no value: say {name} alone")


def _check_together(where: Where, effect: Effect) -> None:
    """What is planted where it can never act is a mistake of the one who plants it."""
    match effect:
        case Redirect(incident):
            surface = _HAPPENS_AT[incident]
            if where.surface not in (None, surface):
                raise FaultError(f"redirect={incident} happens at {surface} only: plant it at {surface} or at *")
        case Missing() | WrongHash() | Without():
            if where.surface is Surface.UPLOAD:
                raise FaultError("an upload says nothing of packages that are there: plant it where they are read")
        case Slow() | Error() | Hang() | Reset():
            if where.project is not None and where.surface in (Surface.CALLS, Surface.UPLOAD):
                raise FaultError(
                    f"the project of {where.surface} is in the body, which is not looked at: "
                    f"plant it at {where.surface} as a whole"
                )
