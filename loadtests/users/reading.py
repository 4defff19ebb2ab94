"""A profile as a file: YAML, read with the positions of what is wrong, all of it at once, as rule files are."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from edgeproxy.ruleset.arms import WHOLE
from edgeproxy.ruleset.nodes import Node, Text
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Problem, Refusal, nearest, render_problems
from edgeproxy.ruleset.quantities import read_count, read_duration, read_number, read_percentage, read_wait
from edgeproxy.ruleset.reader import read_nodes
from edgeproxy.ruleset.shape import (
    Findings,
    Kind,
    Shape,
    read_fields,
    read_items,
    read_some_entries,
    read_table,
    read_value,
)
from loadtests.users.kinds import Client
from loadtests.users.profiles import Profile, Purge, Purged, Spacing, Stage, Stream

PROFILES: Final = Path(__file__).parents[1] / "profiles"
_VERSION: Final = "1"
_MOST: Final = 1e6
_MOST_PURGED: Final = 50
_DECIMAL: Final = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,6})?")
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")

_PROFILE: Final = Shape(
    "a profile",
    ("profile", "about", "source", "streams"),
    ("users", "patience", "arrivals", "factor", "seed", "projects", "purges"),
)
_STREAM: Final = Shape("a stream", ("name", "clients", "stages"), ("after", "warm"))
_STAGE: Final = Shape("a stage", ("for",), ("rate", "from", "to"))
_PURGE: Final = Shape("a purge", ("what", "after"), ("for", "every", "each", "hard"))


class BadProfile(ValueError):
    """The message tells every problem, with its place."""


def find_profile(name: str) -> Path:
    """A file, or one of those that are here by its name. Raises BadProfile."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.exists():
        return path
    there = sorted(each.stem for each in PROFILES.glob("*.yaml"))
    if name in there:
        return PROFILES / f"{name}.yaml"
    raise BadProfile(f"no profile {name!r} in {PROFILES}: {nearest(name, there)} Or name a file, NAME.yaml")


def read_profile(path: Path) -> Profile:
    """Raises BadProfile."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadProfile(f"{path}: it cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return parse_profile(text, str(path))


def parse_profile(text: str, file: str) -> Profile:
    """Raises BadProfile."""
    root, problems = read_nodes(text, file)
    findings = Findings(problems)
    profile = None if root is None else _profile(findings, root, Path(file).stem)
    if findings.problems or profile is None:
        raise BadProfile(render_problems(_in_order(findings.problems), {file: text}))
    return profile


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda each: (each.place.line, each.place.column))


def _profile(findings: Findings, node: Node, name: str) -> Profile | None:
    table = read_table(findings, node, _PROFILE)
    if table is None:
        return None
    given = read_fields(findings, {key: table[key] for key in _KINDS if key in table}, _KINDS)
    streams = [_stream(findings, each) for each in _items(findings, table, "streams", "`streams` is a list of streams")]
    purges = [_purge(findings, each) for each in _items(findings, table, "purges", "`purges` is a list of purges")]
    projects = _items(findings, table, "projects", "`projects` is a list of names")
    named = [read_value(findings, each, _project, "it is a project's name") for each in projects]
    if findings.problems:
        return None
    del given["profile"]
    return Profile(
        name=name,
        streams=tuple(each for each in streams if each is not None),
        purges=tuple(each for each in purges if each is not None),
        projects=tuple(each for each in named if each is not None),
        **{"spacing" if key == "arrivals" else key: value for key, value in given.items()},
    )


def _items(findings: Findings, table: Mapping[str, Node], key: str, what: str) -> tuple[Node, ...]:
    return (read_items(findings, table[key], what) or ()) if key in table else ()


def _stream(findings: Findings, node: Node) -> Stream | None:
    table = read_table(findings, node, _STREAM)
    if table is None or not {"name", "clients", "stages"} <= table.keys():
        return None
    given = read_fields(findings, {key: table[key] for key in ("name", "after", "warm") if key in table}, _KINDS)
    clients = _clients(findings, table["clients"])
    nodes = read_items(findings, table["stages"], "`stages` is a list of stages") or ()
    stages = [_stage(findings, each) for each in nodes]
    if "name" not in given:
        return None
    known = tuple(each for each in stages if each is not None)
    return Stream(given["name"], clients, known, given.get("after", 0.0), given.get("warm", 0.0))


def _clients(findings: Findings, node: Node) -> Mapping[Client, float]:
    entries = read_some_entries(findings, node, "`clients` is a table of kinds of clients and their shares") or ()
    found: dict[Client, float] = {}
    for key, value in entries:
        client = read_value(findings, key, _client, "it is a kind of client")
        share = read_value(findings, value, _positive, "it is a share")
        if client is not None and share is not None:
            found[client] = share
    return found


def _stage(findings: Findings, node: Node) -> Stage | None:
    table = read_table(findings, node, _STAGE)
    if table is None or "for" not in table:
        return None
    given = read_fields(findings, table, _KINDS)
    if ("rate" in table) == ("from" in table) or ("from" in table) != ("to" in table):
        findings.report(
            Code.CONFLICTING_KEYS,
            _place(node),
            "a stage without one rate",
            "it has `rate`, or it goes `from` one `to` another.",
            "write `{for: 1m, rate: 10}` or `{for: 1m, from: 0, to: 10}`.",
        )
        return None
    begins, ends = given.get("rate", given.get("from")), given.get("rate", given.get("to"))
    return None if "for" not in given or begins is None or ends is None else Stage(given["for"], begins, ends)


def _purge(findings: Findings, node: Node) -> Purge | None:
    table = read_table(findings, node, _PURGE)
    if table is None:
        return None
    given = read_fields(findings, table, _KINDS)
    if not {"what", "after"} <= given.keys():
        return None
    return Purge(
        what=given["what"],
        after=given["after"],
        lasts=given.get("for", 0.0),
        every=given.get("every", 1.0),
        each=given.get("each", 1),
        is_hard=given.get("hard", False),
    )


def _place(node: Node) -> Place:
    return node.entries[0][0].place if not isinstance(node, Text) and hasattr(node, "entries") else node.place


# -- kinds ----------------------------------------------------------------------------------------------------------


def _decimal(text: str) -> float:
    value = float(text) if _DECIMAL.fullmatch(text) else math.inf
    if value > _MOST:
        raise Refusal(
            Code.BAD_COUNT,
            f"{text!r} is not a number",
            f"it is a number from 0 to {_MOST:,.0f}.",
            "write it as in 2.5.",
        )
    return value


def _positive(text: str) -> float:
    value = _decimal(text)
    if not value:
        raise Refusal(Code.BAD_COUNT, "a 0", "nothing would come of it.", "write more, or remove it.")
    return value


def _each(text: str) -> int:
    count = read_count(text)
    if count > _MOST_PURGED:
        why = "one command to an edge names at most 100 URLs, and each project has two."
        raise Refusal(Code.BAD_COUNT, f"{text} projects at a time", why, "purge fewer, `every` shorter time.")
    return count


def _one_of(text: str, known: Iterable[str], what: str) -> str:
    names = list(map(str, known))
    if text not in names:
        raise Refusal(Code.BAD_CHOICE, f"{text!r} is no {what}", f"there is {', '.join(names)}.", nearest(text, names))
    return text


def _client(text: str) -> Client:
    return Client(_one_of(text, Client, "kind of client"))


def _project(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise Refusal(
            Code.BAD_NAME, f"{text!r} is not a normalised name", "projects are named as in URLs (PEP 503).",
            "write it in lower case, with hyphens.",
        )  # fmt: skip
    return text


def _bool(text: str) -> bool:
    return _one_of(text, ("true", "false"), "yes or no") == "true"


def _version(text: str) -> str:
    if text != _VERSION:
        raise Refusal(
            Code.LANGUAGE_VERSION, f"version {text}", "this reads profiles of version 1.", "write `profile: 1`."
        )
    return text


_KINDS: Final[Mapping[str, Kind]] = {
    "profile": Kind(_version, "it is the version of profiles"),
    "about": Kind(str, "it is a text"),
    "source": Kind(str, "it is a text: where this comes from"),
    "name": Kind(str, "it is a text"),
    "users": Kind(read_count, "it is a number"),
    "patience": Kind(read_wait, "it is a duration"),
    "warm": Kind(lambda text: read_percentage(text) / WHOLE, "it is a percentage"),
    "arrivals": Kind(lambda text: Spacing(_one_of(text, Spacing, "spacing")), "it is even or poisson"),
    "factor": Kind(_positive, "it is a number"),
    "seed": Kind(read_number, "it is a number"),
    "after": Kind(read_duration, "it is a duration"),
    "for": Kind(read_wait, "it is a duration"),
    "every": Kind(read_wait, "it is a duration"),
    "each": Kind(_each, "it is a number"),
    "hard": Kind(_bool, "it is true or false"),
    "what": Kind(lambda text: Purged(_one_of(text, Purged, "thing to purge")), "it is what to purge"),
    "rate": Kind(_decimal, "it is a number of arrivals a second"),
    "from": Kind(_decimal, "it is a number of arrivals a second"),
    "to": Kind(_decimal, "it is a number of arrivals a second"),
}


def summary_of(profile: Profile) -> str:
    total = sum(stage.arrivals for stream in profile.streams for stage in stream.stages) * profile.factor
    return f"{profile.name}: {total:,.0f} arrivals in {profile.seconds:g} s (×{profile.factor:g}), {profile.spacing}"
