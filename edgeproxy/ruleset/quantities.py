"""How much and how long, as texts of a rule file: durations, sizes, counts, rates, percentages.

Each function reads one text, or raises Refusal with what to write instead. `written_*` are the way back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from edgeproxy.ruleset.arms import WHOLE
from edgeproxy.ruleset.problems import Code, Refusal

_DURATION: Final = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_MILLISECONDS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PERCENTAGE: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3})?")
_RATIO: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3})?")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_SIZE: Final = re.compile(r"([0-9]{1,15})(KiB|MiB|GiB)?")
_OCTETS: Final = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
# What people write for a size, and the unit they mean.
_LIKE_A_SIZE: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([kmg]?)i?(?:b|bytes?|octets?)?", re.IGNORECASE)
_RATE: Final = re.compile(r"([0-9]{1,9})/(s|m|h)")
_LIKE_A_RATE: Final = re.compile(
    r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*(?:r|req|requests)?\s*(?:/|per)\s*(s|m|h)[a-z]*", re.IGNORECASE
)
_RATE_UNITS: Final = "smh"
_MOST_WEIGHT: Final = 1_000
_LEAST_TICK: Final = 0.01
_MOST_TICK: Final = 1.0


def read_duration(text: str) -> float:
    """Seconds."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise Refusal(
            Code.BAD_DURATION,
            f"{text!r} is not a duration",
            "a duration is a whole number and a unit: ms, s, m, h or d.",
            _duration_remedy(text),
        )
    return int(found[1]) * _MILLISECONDS[found[2]] / 1_000


def read_wait(text: str) -> float:
    """A duration that is not nothing."""
    seconds = read_duration(text)
    if not seconds:
        raise Refusal(
            Code.BAD_DURATION,
            f"a wait of {text}",
            "it would be over before it began.",
            "write a longer one, such as 3s.",
        )
    return seconds


def read_lifetime(text: str) -> float:
    """A duration of whole seconds, as max-age counts them (RFC 9111 §5.2.2.1)."""
    seconds = read_duration(text)
    if seconds != int(seconds):
        raise Refusal(
            Code.BAD_DURATION,
            f"{text} is not a number of seconds",
            "max-age counts whole seconds.",
            "write it in seconds.",
        )
    return seconds


def read_tick(text: str) -> float:
    """How often deadlines are looked at: oftener costs more than it tells, seldomer keeps no deadline."""
    seconds = read_duration(text)
    if not _LEAST_TICK <= seconds <= _MOST_TICK:
        often = seconds < _LEAST_TICK
        least, most = written_duration(_LEAST_TICK), written_duration(_MOST_TICK)
        raise Refusal(
            Code.BAD_DURATION,
            f"a tick of {text}",
            "the edge would do little else than look at its clock." if often else "no wait would end when it should.",
            f"write {least if often else most}, or what is between {least} and {most}.",
        )
    return seconds


def read_size(text: str) -> int:
    """Octets."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise Refusal(
            Code.BAD_SIZE,
            f"{text!r} is not a size",
            "a size is a whole number of octets, or of KiB, MiB or GiB.",
            _size_remedy(text),
        )
    return int(found[1]) * _OCTETS[found[2] or ""]


def read_capacity(text: str) -> int:
    """A size that is not nothing."""
    octets = read_size(text)
    if not octets:
        raise Refusal(
            Code.BAD_SIZE, f"a size of {text}", "nothing would fit into it.", "write a larger one, such as 32KiB."
        )
    return octets


def read_number(text: str) -> int:
    """A whole number, 0 among them."""
    if not _NUMBER.fullmatch(text):
        plain = re.sub("[ _,']", "", text)
        raise Refusal(
            Code.BAD_COUNT,
            f"{text!r} is not a number",
            "it is a whole number of at most nine digits.",
            f"write {plain}." if _NUMBER.fullmatch(plain) else "write it as in 100.",
        )
    return int(text)


def read_count(text: str) -> int:
    """A whole number that is not 0."""
    count = read_number(text)
    if not count:
        raise Refusal(Code.BAD_COUNT, f"a count of {text}", "nothing could be done with none.", "write 1 or more.")
    return count


def read_weight(text: str) -> int:
    """An endpoint's share beside the others'."""
    weight = read_number(text)
    if not 1 <= weight <= _MOST_WEIGHT:
        raise Refusal(
            Code.BAD_COUNT,
            f"a weight of {text}",
            f"an endpoint's weight is from 1 to {_MOST_WEIGHT}, beside the others'.",
            "write 1, or remove the endpoint." if not weight else f"write {_MOST_WEIGHT}, or lower the others'.",
        )
    return weight


def read_rate(text: str) -> tuple[int, float]:
    """So many, in so many seconds."""
    found = _RATE.fullmatch(text)
    if found is None or not int(found[1]):
        none = found is not None
        raise Refusal(
            Code.BAD_RATE,
            f"a rate of {text}" if none else f"{text!r} is not a rate",
            "no request would be taken." if none else "a rate is a whole number in a second, minute or hour.",
            "write 1/h or more, or refuse the requests with `respond`." if none else _rate_remedy(text),
        )
    return int(found[1]), _MILLISECONDS[found[2]] / 1_000


def read_share(text: str) -> int:
    """Thousandths of a percent."""
    if text.endswith("%"):
        raise Refusal(
            Code.BAD_PERCENTAGE,
            "a weight with a percent sign",
            "weights are percentages anyway.",
            f"write {text[:-1].rstrip()}.",
        )
    share = int(Decimal(text) * 1000) if _PERCENTAGE.fullmatch(text) else WHOLE + 1
    if share > WHOLE:
        raise Refusal(
            Code.BAD_PERCENTAGE,
            f"{text!r} is not a percentage",
            "a percentage is a number from 0 to 100 with at most three decimals.",
            "write it as 80 or 0.125.",
        )
    return share


def read_percentage(text: str) -> int:
    """Thousandths of a percent, written with or without a percent sign."""
    return read_share(text.removesuffix("%").rstrip())


def read_step(text: str) -> int:
    """The share of a step: a percentage that is not nothing."""
    share = read_percentage(text)
    if not share:
        raise Refusal(
            Code.BAD_STEPS,
            "a step of 0 %",
            "a cutover rests at 0 until it is started.",
            "begin with the first share above it.",
        )
    return share


def read_ratio(text: str) -> float:
    """How many times as much: a number with at most three decimals that is not 0."""
    ratio = float(text) if _RATIO.fullmatch(text) else 0.0
    if not ratio:
        raise Refusal(
            Code.BAD_RATIO,
            f"{text!r} is not a ratio",
            "a ratio is a number above 0 with at most three decimals: how many times the old arm's it may be.",
            "write it as in 1.5.",
        )
    return ratio


def written_share(share: int) -> str:
    """What read_share reads."""
    return f"{share / 1_000:g}"


def written_duration(seconds: float) -> str:
    """What read_duration reads, to the millisecond, in the largest unit that says it."""
    return _written(round(seconds * 1_000), _MILLISECONDS)


def written_size(octets: int) -> str:
    """What read_size reads, in the largest unit that says it."""
    return _written(octets, _OCTETS)


def written_rate(count: int, seconds: float) -> str:
    """What read_rate reads."""
    return f"{count}/{next(unit for unit in _RATE_UNITS if _MILLISECONDS[unit] == seconds * 1_000)}"


def _written(number: int, units: Mapping[str, int]) -> str:
    """`units` come from the smallest to the largest, each a multiple of the one before."""
    fitting = [unit for unit, value in units.items() if not number % value]
    unit = fitting[-1] if number else fitting[0]
    return f"{number // units[unit]}{unit}"


def _duration_remedy(text: str) -> str:
    if re.fullmatch(r"[0-9]{1,9}", text):
        return f"write {text}s if seconds are meant."
    if re.fullmatch(r"[0-9]+\.[0-9]+[a-z]+", text):
        return "write it in the next smaller unit, as 1500ms for 1.5s."
    return "write it as in 500ms, 30s, 10m, 1h or 365d."


def _size_remedy(text: str) -> str:
    found = _LIKE_A_SIZE.fullmatch(text)
    if found is None:
        return "write it as in 500, 32KiB, 64MiB or 1GiB."
    unit = f"{found[2].upper()}iB" if found[2] else ""
    return f"write {written_size(int(Decimal(found[1]) * _OCTETS[unit]))}."


def _rate_remedy(text: str) -> str:
    if _NUMBER.fullmatch(text):
        return f"write {text}/s if in a second is meant."
    found = _LIKE_A_RATE.fullmatch(text)
    if found is not None:
        unit = found[2].lower()
        for longer in _RATE_UNITS[_RATE_UNITS.index(unit) :]:
            count = Decimal(found[1]) * _MILLISECONDS[longer] / _MILLISECONDS[unit]
            if count and count == int(count):
                return f"write {int(count)}/{longer}."
    return "write it as in 10/s, 30/m or 100/h."
