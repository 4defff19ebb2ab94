"""By what answers are compared: as their rule's shadow is, or by what they are.

Law: a rule's word comes first; then the one kind that was asked for; then what the answers say they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from edgeproxy.migration.comparing.answers import Answer
from edgeproxy.migration.comparing.ignores import Ignores
from edgeproxy.migration.comparing.shadowed import shadowed_of
from edgeproxy.ruleset.ignores import read_ignore
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.modifiers import Comparison

_SIMPLE: Final = re.compile("/simple(?:/[^/]*)?/?")
_SIMPLE_TYPES: Final = frozenset(("application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html"))
_HTML: Final = frozenset(("text/html", "application/xhtml+xml"))


@dataclass(slots=True)
class Kinds:
    """`of_rules`: kind and ignores by rule; `otherwise`: of all others (None: by what they are); `ignores`: of all."""

    of_rules: Mapping[str, tuple[str, Sequence[str]]] = field(default_factory=dict)
    otherwise: Comparison | None = None
    ignores: Sequence[str] = ()
    _known: dict[str, Ignores] = field(default_factory=dict)

    @classmethod
    def of(cls, ruleset: Ruleset | None, otherwise: Comparison | None, ignores: Sequence[str]) -> Kinds:
        shadowed = () if ruleset is None else shadowed_of(ruleset)
        return cls({each.rule: (each.kind.value, each.ignores) for each in shadowed}, otherwise, ignores)

    def ignores_of(self, rule: str) -> Ignores:
        found = self._known.get(rule)
        if found is None:
            _, declared = self.of_rules.get(rule, ("", ()))
            found = self._known[rule] = Ignores.of(map(read_ignore, (*declared, *self.ignores)))
        return found

    def kind_of(self, rule: str, method: str, path: str, old: Answer, new: Answer) -> Comparison:
        declared = self.of_rules.get(rule)
        if declared is not None:
            return Comparison(declared[0])
        return self.otherwise or _by_content(method, path, old, new)

    def to_json(self) -> dict[str, Any]:
        return {"of_rules": self.of_rules, "otherwise": self.otherwise, "ignores": list(self.ignores)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Kinds:
        otherwise = found["otherwise"]
        return cls(found["of_rules"], None if otherwise is None else Comparison(otherwise), found["ignores"])


def _by_content(method: str, path: str, old: Answer, new: Answer) -> Comparison:
    types = {old.media_type, new.media_type}
    if old.is_redirect or new.is_redirect:
        return Comparison.REDIRECT
    if types & _SIMPLE_TYPES or (types & _HTML and _SIMPLE.fullmatch(path)):
        return Comparison.SIMPLE_INDEX
    if old.media_type == "application/json" or old.media_type.endswith("+json"):
        return Comparison.JSON
    if method == "POST" and old.media_type == "text/xml":
        return Comparison.XMLRPC
    return Comparison.HTML if old.media_type in _HTML else Comparison.FILE
