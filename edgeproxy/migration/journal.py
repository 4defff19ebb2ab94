"""The journal of a cutover: its entries, how they are written, and the state that they add up to.

Laws of this module:
- an entry says everything: the state is the fold of the entries, without the rules, a clock or anything else;
- entries are numbered from 1 without a gap, each begins where the one before ended, and each is a row of FOLLOWS: what
  is not so is refused and never repaired;
- an entry is written in one way only, so that two entries are the same exactly when their texts are;
- the new arm's share falls by a rollback and by `set`, and by nothing else;
- what a newer version has written is refused, not guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgeproxy.migration.phases import FOLLOWS, SHARES, Phase, State, What
from edgeproxy.ruleset.arms import WHOLE

VERSION: Final = 1
_END_OF_TIME: Final = 1e12  # seconds
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

# What leaves a cutover where it is. Everything else puts a share in force, or begins the hold and the gates again.
_GOES_ON: Final = frozenset({What.PAUSE, What.HOLD_IS_OVER, What.FINISH})


class UnreadableEntry(ValueError):
    """The text is no entry of this version. The message says what is wrong."""


class NewerEntry(UnreadableEntry):
    """A newer version of the edge has written it."""


class BrokenJournal(ValueError):
    """The entry does not continue the journal. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a journal: who did what and why, from where to where."""

    cutover: str
    number: int
    at: float  # POSIX seconds
    who: str
    why: str
    what: What
    from_phase: Phase
    from_share: int
    phase: Phase
    share: int
    step: int | None
    is_paused: bool
    is_forced: bool = False  # before its time, because somebody wanted so
    note: str = ""  # what is unusual about it
    ruleset: str
    old: str
    new: str
    evidence: Json = None  # what the gates saw


def written(entry: Entry) -> str:
    """One line of JSON."""
    words = {"v": VERSION, **{name: getattr(entry, name) for name in _FIELDS}}
    return json.dumps(words, allow_nan=False, sort_keys=True, separators=(",", ":"))  # ASCII: any text is kept as it is


def read_entry(text: str) -> Entry:
    """Raises UnreadableEntry, NewerEntry among them."""
    try:
        words = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise UnreadableEntry(f"it is no JSON: {error}") from None
    if not isinstance(words, dict):
        raise UnreadableEntry("it is no JSON object")
    _check_version(words.pop("v", None))
    if words.keys() != _FIELDS.keys():
        odd = sorted(words.keys() ^ _FIELDS.keys())
        raise UnreadableEntry(f"it has {odd[0]!r}" if odd[0] in words else f"it has no {odd[0]!r}")
    for name, takes in _FIELDS.items():
        if not takes(words[name]):
            raise UnreadableEntry(f"{name!r} cannot be {words[name]!r}")
    phases = {name: Phase(words[name]) for name in ("from_phase", "phase")}
    return Entry(**{**words, **phases, "what": What(words["what"]), "at": float(words["at"])})


def apply(state: State, entry: Entry) -> State:
    """The state after the entry. Raises BrokenJournal."""
    if entry.cutover != state.name:
        raise BrokenJournal(f"entry {entry.number} is of the cutover {entry.cutover!r}, and not of {state.name!r}")
    if entry.number != state.number + 1:
        raise BrokenJournal(f"{state.name}: entry {entry.number} stands after entry {state.number}")
    if (entry.from_phase, entry.from_share) != (state.phase, state.share):
        here, there = f"{state.phase} at {state.share}", f"{entry.from_phase} at {entry.from_share}"
        raise BrokenJournal(f"{state.name}: entry {entry.number} begins with {there}, where the journal is {here}")
    if entry.phase not in FOLLOWS[state.phase].get(entry.what, ()):
        how = f"{entry.what} from {state.phase} to {entry.phase}"
        raise BrokenJournal(f"{state.name}: entry {entry.number} is {how}, which a cutover does not do")
    _check_share(entry)
    return State(
        name=state.name,
        phase=entry.phase,
        step=entry.step,
        share=entry.share,
        since=state.since if is_going_on(entry) else entry.at,
        is_paused=entry.is_paused,
        number=entry.number,
        ruleset=entry.ruleset,
        old=entry.old,
        new=entry.new,
    )


def replay(name: str, entries: Iterable[Entry]) -> State:
    """The state that a whole journal adds up to. Raises BrokenJournal."""
    state = State(name)
    for entry in entries:
        state = apply(state, entry)
    return state


def is_going_on(entry: Entry) -> bool:
    """Whether the hold and the gates of the share count on, as before this entry."""
    return entry.what in _GOES_ON or (entry.what is What.GATE_FAILED and entry.phase is not Phase.ROLLED_BACK)


def _check_share(entry: Entry) -> None:
    low, high = SHARES[entry.phase]
    if not low <= entry.share <= high:
        raise BrokenJournal(f"{entry.cutover}: entry {entry.number} is {entry.phase} at {entry.share}, which cannot be")
    if entry.share < entry.from_share and entry.phase is not Phase.ROLLED_BACK and entry.what is not What.SET:
        lower = f"from {entry.from_share} to {entry.share}"
        raise BrokenJournal(f"{entry.cutover}: entry {entry.number}, {entry.what}, goes down {lower}")


def _check_version(version: object) -> None:
    if not _is_count(version):
        raise UnreadableEntry("it has no version")
    assert isinstance(version, int)
    if version > VERSION:
        raise NewerEntry(
            f"a newer edgeproxy has written it (version {version}; this one reads {VERSION}): upgrade this node"
        )
    if version < VERSION:
        raise UnreadableEntry(f"there was never a version {version}")


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    return _is_count(value) and value != 0


def _is_share(value: object) -> bool:
    return isinstance(value, int) and _is_count(value) and value <= WHOLE


def _is_step(value: object) -> bool:
    return value is None or _is_count(value)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_moment(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _END_OF_TIME


def _is_phase(value: object) -> bool:
    return isinstance(value, str) and value in frozenset(Phase)


def _is_what(value: object) -> bool:
    return isinstance(value, str) and value in frozenset(What)


def _is_anything(value: object) -> bool:  # noqa: ARG001  # JSON it is already
    return True


# The fields of an entry as they are written, and what each takes.
_FIELDS: Final[Mapping[str, Any]] = {
    "cutover": _is_text,
    "number": _is_number,
    "at": _is_moment,
    "who": _is_text,
    "why": _is_text,
    "what": _is_what,
    "from_phase": _is_phase,
    "from_share": _is_share,
    "phase": _is_phase,
    "share": _is_share,
    "step": _is_step,
    "is_paused": _is_flag,
    "is_forced": _is_flag,
    "note": _is_text,
    "ruleset": _is_text,
    "old": _is_text,
    "new": _is_text,
    "evidence": _is_anything,
}
