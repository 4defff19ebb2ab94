"""What `locust -f loadtests/locustfile.py` is told beyond Locust's own options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edgeproxy.ruleset.problems import Refusal
from edgeproxy.ruleset.quantities import read_duration
from loadtests.users.kinds import Client
from loadtests.users.profiles import Profile, constant
from loadtests.users.reading import BadProfile, find_profile, read_profile
from replay.schedule.pacing import AsRecorded, Fixed, Pace

CONTROL: Final = "EDGEPROXY_CONTROL"  # in the environment
USERS: Final = 100
PATIENCE: Final = 10.0  # seconds
A_MINUTE: Final = 60.0  # what has no end of its own lasts so long, unless --for says it


class WrongUsage(ValueError):
    """The message says what to say instead."""


def add_options(parser: Any) -> None:
    text = {"include_in_web_ui": False, "default": None}
    parser.add_argument("--load", metavar="NAME|FILE", help="a profile of loadtests/profiles, or a file", **text)
    parser.add_argument("--arrivals", metavar="N", help="so many clients a second, on all workers together", **text)
    parser.add_argument(
        "--capture", metavar="FILE", action="append", include_in_web_ui=False, default=[],
        help="send what was recorded and is safe; repeatable; each worker reads it from its own disk",
    )  # fmt: skip
    parser.add_argument("--model", metavar="FILE", help="send traffic drawn from a model; with --names", **text)
    parser.add_argument("--names", metavar="FILE", help="what there is, as `edgeproxy model names` wrote it", **text)
    parser.add_argument("--rules", metavar="RULES", help="of --capture: what is safe by these rules", **text)
    parser.add_argument("--speed", metavar="X", help="of --capture and --model: so many times as fast (1)", **text)
    parser.add_argument("--rate", metavar="N", help="of --capture and --model: so many requests a second", **text)
    parser.add_argument("--loops", metavar="N", help="of --capture: so many times; 0: until --for (1)", **text)
    parser.add_argument("--for", dest="lasts", metavar="TIME", help="so long (60s); of --capture: no longer", **text)
    parser.add_argument("--factor", metavar="X", help="of --load: rates times this, in place of the profile's", **text)
    parser.add_argument("--index", include_in_web_ui=False, default="http://pypi.test", help="(%(default)s)")
    parser.add_argument("--control", metavar="PATH", help=f"of an edge, for profiles with purges (${CONTROL})", **text)


def chosen_of(options: Any) -> str | None:
    """Which of them it is: `load`, `arrivals`, `capture` or `model`. Raises WrongUsage."""
    given = [name for name in ("load", "arrivals", "capture", "model") if getattr(options, name)]
    if len(given) > 1:
        raise WrongUsage(f"--{given[0]} beside --{given[1]}: say one of them")
    if given == ["model"] and not options.names:
        raise WrongUsage(
            "--model without --names: say --names FILE, as `edgeproxy model names URL --to FILE` writes it"
        )
    if given == ["model"] and options.rate and options.speed:
        raise WrongUsage("--rate beside --speed: say one of them")
    return given[0] if given else None


def profile_of(options: Any, weights: Mapping[Client, float], users: int | None) -> Profile:
    """`users`: Locust's --users, if it was said. Raises WrongUsage."""
    if options.arrivals:
        rate = _positive(options.arrivals, "--arrivals")
        return constant(rate, seconds_of(options) or A_MINUTE, weights, users or USERS)
    try:
        profile = read_profile(find_profile(options.load))
    except BadProfile as error:
        raise WrongUsage(str(error)) from None
    if options.factor:
        profile = replace(profile, factor=_positive(options.factor, "--factor"))
    return profile if users is None else replace(profile, users=users)


def pace_of(options: Any) -> Pace:
    if options.rate:
        if options.speed:
            raise WrongUsage("--rate beside --speed: say one of them")
        return Fixed(_positive(options.rate, "--rate"))
    return AsRecorded(speed_of(options))


def speed_of(options: Any) -> float:
    return _positive(options.speed, "--speed") if options.speed else 1.0


def rate_of(options: Any) -> float | None:
    return _positive(options.rate, "--rate") if options.rate else None


def loops_of(options: Any) -> int:
    text = options.loops or "1"
    if not text.isdigit() or len(text) > 9:
        raise WrongUsage(f"--loops {text}: it is a whole number")
    loops = int(text)
    if not loops and seconds_of(options) is None:
        raise WrongUsage("--loops 0 without --for TIME would never end")
    return loops


def seconds_of(options: Any) -> float | None:
    if not options.lasts:
        return None
    try:
        return read_duration(options.lasts)
    except Refusal as refusal:
        raise WrongUsage(f"--for: {refusal.message}: {refusal.remedy}") from None


def control_of(options: Any, environment: Mapping[str, str]) -> Path:
    path = options.control or environment.get(CONTROL)
    if not path:
        raise WrongUsage(
            f"the profile purges: say --control PATH (or ${CONTROL}), as `edgeproxy run … --control PATH` was told"
        )
    return Path(path)


def _positive(text: str, option: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise WrongUsage(f"{option} {text}: it is a number above 0")
    return value
