"""What `edgeproxy diff` says, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from edgeproxy.ruleset.comparing.change import Change, Undecided
from edgeproxy.ruleset.comparing.compare import Comparison
from edgeproxy.ruleset.comparing.declarations import Redeclared
from edgeproxy.ruleset.comparing.outcome import Outcome
from edgeproxy.ruleset.comparing.terms import Aspect
from edgeproxy.ruleset.comparing.weighing import Weighing, Weighted
from edgeproxy.ruleset.model import Rule

_SHOWN = 3  # changes of a group that are told one by one


# -- for people -----------------------------------------------------------------------------------------------------


def comparison_as_text(comparison: Comparison) -> str:
    blocks = [_group(group) for group in comparison.groups]
    blocks += [_undecided(each) for each in comparison.undecided]
    lines = [line for block in blocks for line in (*block, "")]
    lines += _redeclared(comparison.redeclared)
    return "\n".join([*lines, _summary(comparison)])


def weighing_as_text(weighing: Weighing, redeclared: Sequence[Redeclared]) -> str:
    lines = [line for each in weighing.heaviest() for line in (*_weighted(each, weighing), "")]
    lines += _redeclared(redeclared)
    lines += [_bad(where, why) for where, why in weighing.bad_lines]
    if weighing.bad > len(weighing.bad_lines):
        lines.append(f"and {weighing.bad - len(weighing.bad_lines)} more lines that are none")
    told = f"{_count(weighing.hits, 'request')}: {_share(weighing.unchanged, weighing.hits)} treated as before"
    skipped = f", {_count(weighing.bad, 'line')} skipped" if weighing.bad else ""
    return "\n".join([*lines, f"{told}, {_count(len(weighing.classes), 'kind')} of change{skipped}"])


def _bad(where: int | str, why: str) -> str:
    return f"line {where} is no record: {why}" if isinstance(where, int) else f"{where}: {why}"


def _group(group: Sequence[Change]) -> Iterator[str]:
    more = f" ({len(group)} pairs of rules)" if len(group) > 1 else ""
    yield f"differs: {', '.join(group[0].aspects)}{more}"
    for change in group[:_SHOWN]:
        yield f"  {change.asked}{'' if change.condition is None else f' {change.condition}'}"
        yield from _sides(change.before, change.after, change.aspects)
    if len(group) > _SHOWN:
        yield f"  and {len(group) - _SHOWN} more"


def _sides(before: Outcome, after: Outcome, aspects: Sequence[Aspect]) -> Iterator[str]:
    for sign, outcome in (("-", before), ("+", after)):
        said = outcome.said
        where_to = f" to {said[Aspect.LOCATION]}" if Aspect.LOCATION in said else ""
        by = "" if outcome.rule is None else f"   [{_where(outcome.rule)}]"
        yield f"    {sign} {said[Aspect.ACTION]}{where_to}{by}"
        for each in aspects:
            if each not in (Aspect.ACTION, Aspect.LOCATION):
                yield f"        {each}: {said.get(each, 'none')}"


def _where(rule: Rule) -> str:
    return f"{rule.name}, {rule.place.file}:{rule.place.line}"


def _undecided(undecided: Undecided) -> Iterator[str]:
    yield f"undecided: {undecided.reason}"
    for sign, rule in (("-", undecided.old), ("+", undecided.new)):
        if rule is not None:
            yield f"    {sign} [{_where(rule)}]"


def _redeclared(found: Sequence[Redeclared]) -> list[str]:
    lines = []
    for each in found:
        change = "" if each.before == each.after else f": {each.before} -> {each.after}"
        lines.append(f"declared otherwise: {each.what}{change}")
    return [*lines, ""] if lines else []


def _summary(comparison: Comparison) -> str:
    changes = sum(map(len, comparison.groups))
    if comparison.is_same:
        return "no request is treated otherwise"
    said = [
        f"{_count(changes, 'change')} in {_count(len(comparison.groups), 'kind')}" if changes else "no change shown"
    ]
    if comparison.undecided:
        said.append(f"{len(comparison.undecided)} undecided")
    if comparison.redeclared:
        said.append(f"{_count(len(comparison.redeclared), 'declaration')} changed")
    return ", ".join(said)


def _weighted(each: Weighted, weighing: Weighing) -> Iterator[str]:
    yield f"{_count(each.hits, 'request')}, {_share(each.hits, weighing.hits)}: differs: {', '.join(each.aspects)}"
    yield f"  clients: {_kinds(each.clients)}"
    for shown, (before, after) in each.examples.items():
        yield f"  {shown}"
        yield from _sides(before, after, each.aspects)


def _kinds(clients: Counter[str]) -> str:
    return ", ".join(f"{kind} {hits}" for kind, hits in clients.most_common(6))


def _share(part: int, whole: int) -> str:
    return f"{part / whole * 100:.3g} %" if whole else "none"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


# -- for programs ---------------------------------------------------------------------------------------------------


def comparison_as_json(comparison: Comparison) -> dict[str, object]:
    return {
        "same": comparison.is_same,
        "changes": [_change_as_json(change) for group in comparison.groups for change in group],
        "undecided": [
            {"old": _rule_as_json(each.old), "new": _rule_as_json(each.new), "reason": each.reason}
            for each in comparison.undecided
        ],
        "declared": _redeclared_as_json(comparison.redeclared),
    }


def weighing_as_json(weighing: Weighing, redeclared: Sequence[Redeclared]) -> dict[str, object]:
    return {
        "same": not weighing.classes and not redeclared,
        "requests": weighing.hits,
        "unchanged": weighing.unchanged,
        "clients": dict(weighing.clients.most_common()),
        "changes": [
            {
                "hits": each.hits,
                "clients": dict(each.clients.most_common()),
                "differs": list(each.aspects),
                "examples": [
                    {"request": shown, "old": _outcome_as_json(before), "new": _outcome_as_json(after)}
                    for shown, (before, after) in each.examples.items()
                ],
            }
            for each in weighing.heaviest()
        ],
        "skipped": weighing.bad,
        "bad_lines": [
            {"line": where, "why": why} if isinstance(where, int) else {"where": where, "why": why}
            for where, why in weighing.bad_lines
        ],
        "declared": _redeclared_as_json(redeclared),
    }


def _change_as_json(change: Change) -> dict[str, object]:
    return {
        "request": str(change.asked),
        "condition": change.condition,
        "differs": list(change.aspects),
        "old": _outcome_as_json(change.before),
        "new": _outcome_as_json(change.after),
    }


def _outcome_as_json(outcome: Outcome) -> dict[str, object]:
    said = {aspect.value.replace(" ", "_"): value for aspect, value in outcome.said.items()}
    return {"rule": _rule_as_json(outcome.rule), **said}


def _rule_as_json(rule: Rule | None) -> dict[str, object] | None:
    return None if rule is None else {"name": rule.name, "file": rule.place.file, "line": rule.place.line}


def _redeclared_as_json(found: Sequence[Redeclared]) -> list[dict[str, str]]:
    return [{"what": each.what, "old": each.before, "new": each.after} for each in found]
