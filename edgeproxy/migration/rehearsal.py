"""Rehearsals: that somebody has walked every rule on the live backends, and whether that is enough for a cutover.

Laws of this module:
- a rehearsal speaks for the rules that it walked, told by their content hash, and for the places of the backends that
  it asked: of other rules, or other places, it says nothing;
- the newest one counts: what passed last week and failed this morning has failed;
- of which rules it walked nothing real, because that was allowed, is said with it;
- only what moves clients to the new side asks for one. The way back never does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from edgeproxy.migration.commands import Refusal, Refused
from edgeproxy.ruleset.arms import Cutover
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.origins import Backend, DirectoryBackend
from edgeproxy.ruleset.quantities import written_duration

_REMEDY: Final = "rehearse them: `edgeproxy rehearse RULES --state DIR`, with the DIR and the --backend of this edge."
_NAMED: Final = 8  # rules

Places = Mapping[str, str]  # where backends are, by their names


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One that was done. `at`: POSIX seconds; `ruleset`: content hash; `requests`: that backends were asked;
    `unwalked`: rules of which nothing real was walked, as whoever rehearsed allowed.
    """

    at: float
    ruleset: str
    places: Places
    who: str
    passed: bool
    walks: int
    requests: int
    errors: int
    warnings: int
    unwalked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldRedirect:
    """A redirect that a rehearsal has seen, and that clients may hold. `until`: POSIX seconds; None: for ever."""

    url: str
    to: str
    status: int
    since: float
    until: float | None
    by: str


@dataclass(frozen=True, slots=True)
class Rehearsals:
    """What is known when a cutover is to move: the rules and places in use, and what was done, the newest first."""

    ruleset: str
    places: Places
    done: Sequence[Rehearsal] = ()


NO_REHEARSALS: Final = Rehearsals("", MappingProxyType({}))


def places_of(ruleset: Ruleset) -> Places:
    return {each.name: _place(each) for each in ruleset.backends}


def unrehearsed(cutover: Cutover, known: Rehearsals, now: float) -> Refusal | None:
    """Why a cutover that asks for a rehearsal may not move now."""
    within = cutover.rehearsed_within
    if within is None:
        return None
    own = [each for each in known.done if each.ruleset == known.ruleset]
    here = [each for each in own if each.places == known.places]
    if not here:
        return _refusal(cutover, _nobody(known, own, now))
    last = here[0]
    age = now - last.at
    if not last.passed:
        return _refusal(cutover, f"and their last rehearsal, {_ago(age)} ago, {_failed(last)}")
    if age > within:
        return _refusal(cutover, f"and the last one is {_ago(age)} old; it may be {written_duration(within)}")
    return None


def told(cutover: Cutover, known: Rehearsals, now: float) -> str:
    """Of a cutover that asks for one, for its status."""
    refusal = unrehearsed(cutover, known, now)
    if refusal is not None:
        return f"needed: {refusal.reason}"
    last = next(each for each in known.done if each.ruleset == known.ruleset and each.places == known.places)
    return f"passed {_ago(now - last.at)} ago, by {last.who}: {last.walks:,} walks{_allowed(last)}"


def _nobody(known: Rehearsals, own: Sequence[Rehearsal], now: float) -> str:
    if own:
        asked = own[0].places
        moved = sorted(name for name in known.places if asked.get(name) != known.places[name])
        there = ", ".join(f"{name} at {asked.get(name, 'no place')}, not {known.places[name]}" for name in moved)
        return f"and they were rehearsed against other backends ({there})" if there else "and they were not"
    if known.done:
        return f"and the rules in use never were: the last rehearsal, {_ago(now - known.done[0].at)} ago, was of others"
    return "and none was done"


def _refusal(cutover: Cutover, reason: str) -> Refusal:
    return Refusal(Refused.NOT_REHEARSED, f"{cutover.name} asks for a rehearsal of its rules, {reason}", _REMEDY)


def _failed(rehearsal: Rehearsal) -> str:
    """Without an error: not all was walked, or warnings were to count."""
    if not rehearsal.errors:
        return "did not pass"
    return f"failed with {rehearsal.errors} error{'s' if rehearsal.errors > 1 else ''}"


def _allowed(rehearsal: Rehearsal) -> str:
    named, more = ", ".join(rehearsal.unwalked[:_NAMED]), len(rehearsal.unwalked) - _NAMED
    if not named:
        return ""
    return f", and of {named}{f' and {more} more' if more > 0 else ''} nothing real, which was allowed"


def _ago(age: float) -> str:
    """Roughly: nobody asks for the seconds of a day."""
    unit = next((each for each in (86_400, 3_600, 60) if age >= 2 * each), 1)
    return written_duration(max(1, round(age / unit)) * unit)


def _place(backend: Backend) -> str:
    if isinstance(backend, DirectoryBackend):
        return str(backend.directory)
    scheme = "http" if backend.tls is None else "https"
    return " ".join(f"{scheme}://{endpoint.address}" for endpoint in backend.endpoints)
