"""Shadows in a running edge: what its workers' comparers found, for gates, for the file, and for who asks.

Law: what is shown is what was found, less noise as it is known by now, which a first comparison could not know yet, and
less what the rules in use ignore, which those at the time may not have ignored.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from edgeproxy.control.control_socket import Refused, Words
from edgeproxy.control.findings_file import FindingsFile
from edgeproxy.control.messages import Numbers
from edgeproxy.control.moving import Moving
from edgeproxy.migration.comparing.findings import Findings
from edgeproxy.migration.comparing.ignores import NOTHING_DECLARED, Ignores
from edgeproxy.migration.comparing.shadowed import ignores_of, shadowed_of, speaking_for
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.telemetry.stderr import tell

_KEYS: Final = frozenset({"verb", "rules", "cutover"})


class Shadowing:
    """`directory`: of `run --state`. `numbers`: the counters of all workers, as they are when it is asked."""

    def __init__(
        self,
        directory: Path | None,
        rules: Callable[[], Ruleset],
        moving: Moving,
        numbers: Callable[[], Awaitable[Numbers]],
    ) -> None:
        """Raises CannotRun."""
        self._rules = rules
        self._moving = moving
        self._numbers = numbers
        self._terms: tuple[int, Mapping[str, str]] = (0, {})  # of a generation
        self.file = FindingsFile(directory, self._terms_now)

    def hear(self, text: str) -> None:
        """What the comparer of a worker has found."""
        try:
            findings = Findings.from_json(json.loads(text))
        except ValueError as error:
            tell(f"unexpected: shadows: {error}")
            return
        self._moving.hear_shadows(findings.periods)
        self.file.add(findings)

    def _terms_now(self) -> Mapping[str, str]:
        ruleset = self._rules()
        if self._terms[0] != ruleset.generation:
            self._terms = ruleset.generation, {each.rule: each.terms for each in shadowed_of(ruleset)}
        return self._terms[1]

    # -- the command of the control socket ----------------------------------------------------------------------

    async def do(self, words: Words) -> Words:
        """Raises Refused."""
        unknown = sorted(words.keys() - _KEYS)
        if unknown:
            raise Refused(f"shadow: unknown key {unknown[0]!r}: there are {', '.join(sorted(_KEYS))}")
        match words.get("verb"):
            case "report":
                return await self._report(self._wanted(words), words.get("cutover"))
            case "clear":
                return {"since": await self.file.clear()}
            case verb:
                raise Refused(f"shadow: {verb!r} is none of report, clear")

    def _wanted(self, words: Words) -> frozenset[str] | None:
        """The rules that are asked for; None: all."""
        rules, name = words.get("rules", []), words.get("cutover")
        if not isinstance(rules, list) or not all(isinstance(each, str) for each in rules):
            raise Refused("shadow: `rules` is a list of names")
        if name is None:
            return frozenset(rules) or None
        cutover = next((each for each in self._rules().cutovers if each.name == name), None)
        if cutover is None:
            known = ", ".join(sorted(each.name for each in self._rules().cutovers)) or "the rules have none"
            raise Refused(f"no cutover is named {name!r}: {known}")
        speaking = frozenset(speaking_for(cutover, self._rules()))
        return speaking & frozenset(rules) if rules else speaking

    async def _report(self, wanted: frozenset[str] | None, cutover: object) -> Words:
        since, findings = await self.file.all()
        self._refuse_unknown(frozenset() if wanted is None else wanted, findings)

        def is_wanted(rule: str) -> bool:
            return wanted is None or rule in wanted

        names = [cutover] if cutover is not None else [each.name for each in self._rules().cutovers]
        shadows = shadowed_of(self._rules())
        return {
            "since": since,
            "kept": self.file.is_kept,
            "rules": [each.rule for each in shadows if is_wanted(each.rule)],
            **shown_findings(findings, is_wanted, {each.rule: ignores_of(each) for each in shadows}),
            **_of_workers(await self._numbers(), is_wanted),
            "cutovers": [each for each in map(self._moving.shown, map(str, names)) if each is not None],
        }

    def _refuse_unknown(self, wanted: frozenset[str], findings: Findings) -> None:
        """Who asks for a rule by a slip of the pen would be told that nothing differs. One that the rules had once may
        still be asked for while its findings are kept.
        """
        known = {rule.name for rule in self._rules().rules} | {key.rule for key, _ in findings.groups}
        for name in sorted(wanted - known):
            with_shadow = ", ".join(each.rule for each in shadowed_of(self._rules()))
            told = f"{with_shadow} have shadows" if with_shadow else "no rule has a `shadow`"
            raise Refused(f"no rule is named {name!r}: {told}")


def shown_findings(
    findings: Findings, is_wanted: Callable[[str], bool], ignored: Mapping[str, Ignores]
) -> dict[str, object]:
    """`ignored`: by rule, what is ignored now."""
    return {
        "groups": _groups(findings, is_wanted, ignored),
        "noise": _noise(findings, is_wanted),
        "unjudged": [
            {"rule": rule, "why": why.value, "count": count}
            for (rule, why), count in sorted(findings.unjudged.items())
            if is_wanted(rule)
        ],
    }


def _groups(
    findings: Findings, is_wanted: Callable[[str], bool], ignored: Mapping[str, Ignores]
) -> list[dict[str, object]]:
    """The groups, without what is noise or ignored by now."""
    shown = []
    for words in findings.groups.to_json()["groups"]:
        rule = words["rule"]
        if is_wanted(rule):
            lesson, ignores = findings.lessons.get(rule), ignored.get(rule, NOTHING_DECLARED)
            told = [
                each
                for each in words["differences"]
                if not (lesson is not None and lesson.noise.hides((each["kind"], each["pattern"])))
                and not ignores.takes_all(each["pattern"])
            ]
            shown.append({**words, "differences": told})
    return shown


def _noise(findings: Findings, is_wanted: Callable[[str], bool]) -> list[dict[str, object]]:
    return [
        {
            "rule": rule,
            "pairs": round(lesson.noise.pairs),
            "seen": [
                {"kind": kind.value, "pattern": pattern, "share": share} for (kind, pattern), share in lesson.noise
            ],
        }
        for rule, lesson in sorted(findings.lessons.items())
        if is_wanted(rule)
    ]


def _of_workers(numbers: Numbers, is_wanted: Callable[[str], bool]) -> dict[str, object]:
    """What they count of sending shadows and of comparing, since this edge started."""
    found = {name: _by_rule(numbers.get(name, {}), is_wanted) for name in ("shadow_drops", "shadow_silences")}
    return {
        "dropped": found["shadow_drops"],
        "silences": found["shadow_silences"],
        "lost": numbers.get("specimens_lost", 0),
        "comparers_ended": numbers.get("comparers_ended", 0),
    }


def _by_rule(counts: int | Mapping[str, int], is_wanted: Callable[[str], bool]) -> list[dict[str, object]]:
    """Counts by RULE/WHY."""
    found = []
    for name, count in sorted(counts.items() if isinstance(counts, Mapping) else ()):
        rule, _, why = name.rpartition("/")
        if is_wanted(rule):
            found.append({"rule": rule, "why": why, "count": count})
    return found
