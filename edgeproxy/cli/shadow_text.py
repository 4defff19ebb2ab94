"""The report of shadows as an operator reads it, each difference with an example: grave ones first (comparing/marks.py:
failures, another status, files, hashes), then the most frequent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from edgeproxy.cli.output import moment, printable_lines
from edgeproxy.cli.shadow_compared import compared, uncompared
from edgeproxy.cli.shadow_words import values, why_dropped, why_unjudged, worded
from edgeproxy.migration.comparing.differences import Kind, from_json
from edgeproxy.migration.comparing.marks import is_grave
from edgeproxy.migration.gates.evidence import Evidence, Gate
from edgeproxy.ruleset.quantities import written_share

_MOST_VALUES: Final = 3  # of one example
_CONTENT: Final = 100  # characters of it
_PAGES: Final = frozenset(("content-type", "location"))

Json = Mapping[str, Any]


def written_report(answer: Json, named: Sequence[str] = ()) -> str:
    """`named`: the rules that were asked for by their names."""
    parts = [
        _head(answer, named),
        *(part for _, part in sorted(_differences(answer["groups"]), key=lambda each: each[0])),
        _section("nothing is said of, for nothing was compared", _uncompared(answer, named)),
        _section("noise, taken off: so the old side differs from itself", _noise(answer["noise"])),
        _section("not judged", _unjudged(answer["unjudged"])),
        _section("not compared, since this edge started", _dropped(answer)),
        *map(_cutover, answer["cutovers"]),
    ]
    return printable_lines("\n\n".join(part for part in parts if part))


def _head(answer: Json, named: Sequence[str]) -> str:
    count = compared(answer)
    kinds = sum(len(group["differences"]) for group in answer["groups"])
    since = f"since {moment(answer['since'])}"
    if not answer["kept"]:
        since += " (`run --state DIR` keeps what they find beyond this edge's end)"
    if not count:
        none = "" if answer["rules"] else ": no such rule has a `shadow`"
        return f"no shadow was compared {since}{none}"
    shadows = "1 shadow was" if count == 1 else f"{count:,} shadows were"
    nothing = "nothing differs in these" if uncompared(answer, named) else "nothing differs"
    what = f"{kinds} kind{'s' if kinds > 1 else ''} of difference" if kinds else nothing
    return f"{shadows} compared {since}: {what}"


# -- what differs -----------------------------------------------------------------------------------------------------


def _differences(groups: Sequence[Json]) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Each with what it is sorted by."""
    for group in groups:
        for each in group["differences"]:
            mark = Kind(each["kind"]), str(each["pattern"])
            order = (not is_grave(mark), -each["count"], group["rule"], group["shape"], group["family"], *mark)
            yield order, "\n".join(_difference(group, each))


def _difference(group: Json, difference: Json) -> Iterator[str]:
    of = f"{difference['count']:,} of {group['compared']:,}"
    where = f"{group['rule']}  {group['shape']}  {group['family']}"
    yield f"{of}  {where}: {worded(Kind(difference['kind']), difference['pattern'])}"
    yield f"    {difference['pattern']}, first {moment(difference['first'])}, last {moment(difference['last'])}"
    for example in difference["examples"][:1]:
        yield from _example(example, difference)


def _example(example: Json, of: Json) -> Iterator[str]:
    agent = ", ".join(example["headers"].get("user-agent", ()))
    yield f"    e.g. {example['method']} {example['target']}" + (f" by {agent}" if agent else "")
    its = [each for each in example["differences"] if _is_of(each, of)]
    for each in its[:_MOST_VALUES]:
        yield f"        {values(each)}"
    if len(its) > _MOST_VALUES:
        yield f"        and {len(its) - _MOST_VALUES} more like these"
    for side in ("old", "new"):
        yield f"        {side}  {_answer(example[side])}"


def _is_of(each: Json, difference: Json) -> bool:
    """Of what there is more of than noise: all of it."""
    kinds = (difference["kind"], *((each["kind"],) if difference["kind"] == Kind.MORE else ()))
    return each["kind"] in kinds and from_json(each).pattern == difference["pattern"]


def _answer(answer: Json) -> str:
    if not answer["status"]:
        return "no answer"
    said = [value for name in sorted(_PAGES) for value in answer["headers"].get(name, ())]
    size = f"{answer['size']:,} octet{'' if answer['size'] == 1 else 's'}"
    content = " ".join(answer["content"][: 2 * _CONTENT].split())
    shown = content if len(content) <= _CONTENT else f"{content[: _CONTENT - 1]}…"
    return "  ".join(part for part in (str(answer["status"]), ", ".join([*said, size]), shown) if part)


# -- and what does not ------------------------------------------------------------------------------------------------


def _section(title: str, lines: Iterable[str]) -> str:
    found = list(lines)
    return "\n".join([title, *(f"    {line}" for line in found)]) if found else ""


def _noise(rules: Sequence[Json]) -> Iterator[str]:
    for rule in rules:
        for each in rule["seen"]:
            share = f"{100 * each['share']:.3g} % of {rule['pairs']:,} pairs"
            yield f"{rule['rule']}: {worded(Kind(each['kind']), each['pattern'])} ({each['pattern']}): {share}"


def _unjudged(counts: Sequence[Json]) -> Iterator[str]:
    for each in counts:
        yield f"{each['rule']}: {each['count']:,} {why_unjudged(each['why'])}"


def _uncompared(answer: Json, named: Sequence[str]) -> Iterator[str]:
    return (f"{rule}: {why}" for rule, why in uncompared(answer, named).items())


def _dropped(answer: Json) -> Iterator[str]:
    for each in answer["dropped"]:
        yield f"{each['rule']}: {each['count']:,} {why_dropped(each['why'])}"
    if answer["lost"]:
        yield f"{answer['lost']:,} lost with a comparer that ended ({answer['comparers_ended']:,} did)"


def _cutover(state: Json) -> str:
    """What its gate says of all this."""
    found = [each for each in map(Evidence.from_json, state["gates"]) if each.gate is Gate.DIFFERENCES]
    said = [*map(str, found), *(each for each in state["unjudged"] if each.startswith("differences"))]
    phase = f"cutover {state['name']}: {state['phase'].replace('_', ' ')} at {written_share(state['share'])} %"
    return _section(phase, said) if said else ""
