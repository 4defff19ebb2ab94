"""What a rule takes and what clients then get, in words; and times for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, assert_never

from edgeproxy.proxy.plan import reason_phrase
from edgeproxy.ruleset.arms import Cutover, Split
from edgeproxy.ruleset.model import Fault, Files, Forward, Redirect, RedirectMap, Respond, Rule
from edgeproxy.ruleset.quantities import written_duration
from edgeproxy.ruleset.trace import condition_words

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN: Final = 120  # characters of a body
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60))


def taken_of(rule: Rule) -> str:
    """Which requests, as far as the time does not decide."""
    match = rule.match
    methods, schemes = " or ".join(sorted(match.methods)) or "every method", " or ".join(sorted(match.schemes))
    said = [f"{methods} {match.path} of {', '.join(host.name for host in match.hosts)}"]
    said += [f"by {schemes}"] if schemes else []
    for of, wanted in map(condition_words, match.conditions):
        said.append(f"{of} {wanted}")
    if match.where:
        said.append(f"where {' and '.join(dict.fromkeys(each.capture for each in match.where))} fits")
    return "; ".join(said)


def given_of(rule: Rule) -> str:
    action = rule.action
    match action:
        case Respond(fault=Fault(code=code, text=text)):
            return f"the XML-RPC fault {code}: {text}"
        case Respond(status=status, headers=headers, body=body):
            head = "".join(f"; {name}: {value}" for name, value in headers)
            text = body.decode("utf-8", "replace").strip()
            shown = f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text
            return f"{status} {reason_phrase(status)}{head}{f': {shown}' if shown else ''}"
        case Redirect(to=to, status=status):
            return f"a redirect {status} to {to}"
        case RedirectMap(moves=moves, status=status):
            return f"a redirect {status} by {moves.file}"
        case Forward(to=to):
            kind = "split" if isinstance(to, Split) else "cutover" if isinstance(to, Cutover) else "backend"
            return f"what the {kind} {to.name} answers"
        case Files(directory=directory):
            return f"files from {directory}"
        case _:
            assert_never(action)


def moment_of(seconds: float) -> str:
    """In UTC, to the second, or to the millisecond where there are some."""
    try:
        found = _EPOCH + timedelta(milliseconds=round(seconds * 1_000))
    except OverflowError:
        return "after the year 9999"
    timespec = "milliseconds" if found.microsecond else "seconds" if found.second else "minutes"
    return f"{found.isoformat(timespec=timespec).removesuffix('+00:00')}Z"


def length_of(seconds: float) -> str:
    """As 1h 15m; what is no whole number of seconds as a duration of the rules."""
    if seconds != int(seconds):
        return written_duration(seconds)
    left, said = int(seconds), []
    for unit, size in _UNITS:
        if left >= size:
            said.append(f"{left // size}{unit}")
            left %= size
    return " ".join([*said, f"{left}s"] if left or not said else said)
