"""The predicates on captures: `where` of a match.

Law: predicates that plainly cannot hold together are a problem. Plain is what follows from their words, and from
trying the values of an `in`; the rest is the checker's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import quote

from edgeproxy.http.target import BadTarget, normalise_path
from edgeproxy.ruleset.conditions import is_so
from edgeproxy.ruleset.matching import Among, Fits, Form, InForm, Predicate, Where
from edgeproxy.ruleset.nodes import Node, Table, Text
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Refusal, nearest
from edgeproxy.ruleset.regex import read_ascii_regex, whole_matcher
from edgeproxy.ruleset.shape import (
    PREDICATES,
    Findings,
    read_items,
    read_some_entries,
    read_table,
    read_value,
    report_empty_table,
    report_twice,
)
from edgeproxy.ruleset.values import read_choice

_FORMS: Final = tuple(form.value for form in Form)
# A value that has the first form has the second too.
_IMPLIED: Final = {
    *((form, form) for form in Form),
    (Form.PEP503, Form.LOWER),
    (Form.SAFE_LOWER, Form.LOWER),
}
_ASCII: Final = "it is matched on the percent-encoded path, which is printable ASCII."
_NOT_IN_PATHS: Final = "captures are compared in the spelling of normalised paths."


def read_where(findings: Findings, node: Node, captures: Collection[str] | None) -> tuple[Where, ...] | None:
    """The predicates on these captures; None, when any cannot be read. `captures` is None when the path could not be
    read: then no name is unknown.
    """
    entries = read_some_entries(findings, node, "`where` is a table of captures, each with what it must be")
    if entries is None:
        return None
    whole = True
    where: list[Where] = []
    for key, value in entries:
        known = captures is None or key.value in captures or _report_unknown(findings, key, captures)
        predicates = _read_predicates(findings, value)
        whole = whole and known and predicates is not None
        where += [Where(key.value, each) for each in predicates or ()]
    return tuple(where) if whole else None


def _report_unknown(findings: Findings, key: Text, captures: Collection[str]) -> bool:
    has = f"the path captures {', '.join(sorted(captures))}." if captures else "the path captures nothing."
    message = f"{key.value!r} is not captured"
    findings.report(Code.UNKNOWN_CAPTURE, key.place, message, has, nearest(key.value, captures))
    return False


def _read_predicates(findings: Findings, node: Node) -> tuple[Predicate, ...] | None:
    table = read_table(findings, node, PREDICATES)
    if table is None:
        return None
    before = len(findings.problems)
    if isinstance(node, Table) and not node.entries:
        what = "of a capture is said what it must be, as in {not_normalized: pep503}"
        report_empty_table(findings, node, what)
    found = [_read_predicate(findings, key, value) for key, value in table.items()]
    predicates = tuple(each for each in found if each is not None)
    if len(findings.problems) > before:
        return None
    conflict = _conflict(predicates)
    if conflict is not None:
        _report_conflict(findings, node.place, conflict)
        return None
    return predicates


def _read_predicate(findings: Findings, key: str, node: Node) -> Predicate | None:
    positive = key.removeprefix("not_")
    wanted = positive == key
    if positive == "normalized":
        form = read_value(findings, node, _read_form, f"it is a form: {' or '.join(_FORMS)}")
        return None if form is None else InForm(form, wanted)
    if positive == "in":
        values = _read_path_texts(findings, node, f"`{key}` is a list of what a capture may hold")
        return None if values is None else Among(values, wanted)
    return read_value(findings, node, lambda text: _read_fits(text, wanted), "it is a regular expression")


def _read_form(text: str) -> Form:
    return Form(read_choice(text, _FORMS, "a form"))


def _read_fits(text: str, wanted: bool) -> Fits:
    expression = read_ascii_regex(text, _ASCII, f"write other characters percent-encoded, as in {quote('é')} for é.")
    return Fits(text, wanted, whole_matcher(expression))


def _read_path_texts(findings: Findings, node: Node, what: str) -> frozenset[str] | None:
    nodes = read_items(findings, node, what)
    if nodes is None:
        return None
    found = [read_value(findings, each, _read_path_text, "it is a text") for each in nodes]
    report_twice(findings, nodes, "value")
    return None if None in found else frozenset(each for each in found if each is not None)


def _read_path_text(text: str) -> str:
    """A text that a capture may hold, in the spelling of normalised paths."""
    if any(segment in (".", "..") for segment in text.split("/")):
        raise Refusal(
            Code.BAD_VALUE,
            f"no capture holds {text!r}",
            "paths are matched without dot segments.",
            "remove it.",
        )
    try:
        return normalise_path(f"/x{text}")[2:]  # the x: what is written need not begin with a slash
    except BadTarget as error:
        encoded = quote(text, safe="/!$&'()*+,;=:@~")
        usable = "%" not in text and "\\" not in text and text.isprintable()
        raise Refusal(
            Code.BAD_VALUE,
            f"no capture holds {text!r}: {error}",
            _NOT_IN_PATHS,
            f"write {encoded}." if usable else "write what a request's path can have, percent-encoded.",
        ) from None


def _conflict(predicates: Sequence[Predicate]) -> str | None:
    """Why no value can be as all of these say, where that is plain."""
    for each in predicates:
        match each:
            case Among(values=values, wanted=True):
                others = [other for other in predicates if other is not each]
                if not any(all(is_so(other, value) for other in others) for value in values):
                    return "no value of `in` is as the rest says."
            case InForm(form=form, wanted=True):
                denied = [other.form for other in predicates if isinstance(other, InForm) and not other.wanted]
                if any((form, other) in _IMPLIED for other in denied):
                    return f"what has the form {form} has the form {denied[0]} too."
            case Fits(regex=regex, wanted=True):
                if any(isinstance(other, Fits) and not other.wanted and other.regex == regex for other in predicates):
                    return "`matches` and `not_matches` say the same."
            case _:
                pass
    return None


def _report_conflict(findings: Findings, place: Place, why: str) -> None:
    message = "these predicates cannot hold together"
    findings.report(Code.CONFLICTING_VALUES, place, message, why, "remove one of them, or the rule.")
