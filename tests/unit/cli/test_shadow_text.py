"""The report of shadows, word for word."""

from __future__ import annotations

from typing import Any

import pytest
from specimens import NOW, OTHER, PAIR, SAME, of_rest, part, shadowed, specimen

from edgeproxy.cli.shadow_compared import Verdict, uncompared, verdict_of
from edgeproxy.cli.shadow_text import written_report
from edgeproxy.cli.shadow_words import worded
from edgeproxy.control.shadowing import shown_findings
from edgeproxy.migration.comparing.comparer import LEARNING, Comparer
from edgeproxy.migration.comparing.differences import Kind
from edgeproxy.migration.comparing.findings import Findings, Unjudged
from edgeproxy.migration.comparing.ignores import Ignores
from edgeproxy.migration.gates.counts import Block, ShadowCounts
from edgeproxy.migration.gates.trial import judge
from edgeproxy.migration.specimen import Part, Silence, Specimen
from edgeproxy.ruleset.arms import Gates
from edgeproxy.ruleset.ignores import read_ignore


def found(*specimens: Specimen) -> Findings:
    comparer = Comparer(shadowed(), {})
    for each in specimens:
        comparer.take(comparer.look(each))
    return comparer.news()


def answer(findings: Findings, **more: Any) -> dict[str, Any]:
    nothing = {"since": NOW, "kept": True, "rules": ["page", "rest"], "dropped": [], "silences": [], "cutovers": []}
    return {**nothing, "lost": 0, "comparers_ended": 0, **shown_findings(findings, lambda _: True, {}), **more}


def test_what_differs_most_often_comes_first_with_an_example_and_all_that_was_left_out() -> None:
    served = [part(f'{{"name": "six", "served": {number}}}') for number in range(LEARNING)]
    pairs = [specimen(served[at], served[at], old=served[at - 1]) for at in range(LEARNING)]
    gone = part("Not\nFound \x1b[2J", 404)
    findings = found(
        *pairs, specimen(gone, asked="/page/six/?token=pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw"), specimen(gone),
        specimen(OTHER), of_rest(specimen(Silence.TIMEOUT)), specimen(old=part("", 500)),
    )  # fmt: skip
    gates = Gates(differences_at_most=1_000)
    evidences = judge(gates, [Block(shadows=ShadowCounts(4, 3))], NOW)
    cutover = {
        "name": "reads", "phase": "shadowing", "share": 0, "unjudged": [],
        "gates": [each.as_json() for each in evidences],
    }  # fmt: skip
    dropped = [{"rule": "page", "why": "queue_full", "count": 1_200}]
    said = written_report(answer(findings, cutovers=[cutover], dropped=dropped, lost=3, comparers_ended=1))
    assert said == REPORT


REPORT = """\
24 shadows were compared since 2018-04-16 15:00:00Z: 3 kinds of difference

2 of 23  page  /page/{name}/  pip: status 404 instead of 200
    status/200/404, first 2018-04-16 15:00:00Z, last 2018-04-16 15:00:00Z
    e.g. GET /page/six/?token=[hidden] by pip/10.0.0 CPython/3.6.5
        status: 200 -> 404
        old  200  application/json, 15 octets  {"name": "six"}
        new  404  application/json, 14 octets  Not Found \\x1b[2J

1 of 1  rest  /{name}/{name}  pip: the new side gives no answer: not in time
    answer:new/timeout, first 2018-04-16 15:00:00Z, last 2018-04-16 15:00:00Z
    e.g. GET /about/us?token=[hidden] by pip/10.0.0 CPython/3.6.5
        no answer: not in time
        old  200  application/json, 15 octets  {"name": "six"}
        new  no answer

1 of 23  page  /page/{name}/  pip: name is another
    json:/name, first 2018-04-16 15:00:00Z, last 2018-04-16 15:00:00Z
    e.g. GET /page/six/ by pip/10.0.0 CPython/3.6.5
        json:/name: six -> seven
        old  200  application/json, 15 octets  {"name": "six"}
        new  200  application/json, 17 octets  {"name": "seven"}

noise, taken off: so the old side differs from itself
    page: served is another (json:/served): 100 % of 20 pairs

not judged
    page: 19 while the old side's noise was learned: what differed is shown, and counts for no gate
    page: 1 since the old side failed
    rest: 1 while the old side's noise was learned: what differed is shown, and counts for no gate

not compared, since this edge started
    page: 1,200 dropped: queue full
    3 lost with a comparer that ended (1 did)

cutover reads: shadowing at 0 %
    differences: FAIL: different 2.44 % to 100 %, bound 1 % (new 3 of 4)"""


def test_where_nothing_differs_it_says_so() -> None:
    told = answer(found(*[PAIR] * LEARNING, specimen(SAME)), rules=["page"])
    assert written_report(told).startswith("21 shadows were compared since 2018-04-16 15:00:00Z: nothing differs\n")
    assert (verdict_of(told, ()), uncompared(told, ())) == (Verdict.SAME, {})
    told = answer(found(specimen(OTHER)), rules=["page"])
    assert verdict_of(told, ()) is Verdict.DIFFERENT


def test_where_nothing_was_compared_it_does_not_say_that_nothing_differs() -> None:
    told = answer(Findings())
    assert written_report(told) == (
        "no shadow was compared since 2018-04-16 15:00:00Z\n\n"
        "nothing is said of, for nothing was compared\n"
        "    page: no request of it was shadowed\n    rest: no request of it was shadowed"
    )
    assert verdict_of(told, ()) is Verdict.NOT_COMPARED
    told = answer(Findings(), kept=False, rules=[])
    assert written_report(told).endswith("beyond this edge's end): no such rule has a `shadow`")
    assert verdict_of(told, ()) is Verdict.NOT_COMPARED


def test_a_rule_of_which_nothing_was_compared_is_named_with_the_reason() -> None:
    """Each counts by itself: what was compared of `page` says nothing of the others."""
    dropped = [{"rule": "rest", "why": "comparer_busy", "count": 1_200}]
    failed = of_rest(specimen(old=part("", 500)))
    told = answer(found(*[PAIR] * LEARNING, specimen(SAME), failed), dropped=dropped)
    named = ["page", "rest", "upload"]
    assert uncompared(told, named) == {
        "rest": "1 since the old side failed; 1,200 dropped: comparer busy",
        "upload": "it has no `shadow`",
    }
    assert verdict_of(told, named) is Verdict.NOT_COMPARED
    said = written_report(told, named)
    assert ": nothing differs in these\n" in said
    assert "\n    upload: it has no `shadow`" in said


def test_what_the_rules_ignore_by_now_is_not_shown_any_more() -> None:
    findings = found(*[PAIR] * LEARNING, specimen(OTHER), specimen(part("", 404)), of_rest(specimen(OTHER)))
    before, now = (
        shown_findings(findings, lambda _: True, {"page": Ignores.of(map(read_ignore, ignored))})["groups"]
        for ignored in ([], ["json:/name"])
    )
    patterns = [[each["pattern"] for group in groups for each in group["differences"]] for groups in (before, now)]  # type: ignore[attr-defined]
    assert patterns == [["status/200/404", "json:/name", "content"], ["status/200/404", "content"]]


def test_what_differs_more_than_noise_is_shown_beside_it_with_all_of_it() -> None:
    def rows(*values: int) -> Part:
        return part(str([{"v": value} for value in values]).replace("'", '"'))

    pairs = [specimen(rows(n + 1, 5, 6), rows(n + 2, 5, 6), old=rows(n, 5, 6)) for n in range(LEARNING)]
    said = written_report(answer(found(*pairs, specimen(rows(8, -1, -2), old=rows(7, 5, 6)))))
    assert said.splitlines()[0].endswith(": 1 kind of difference")
    assert MORE in said
    assert "    page: */v is another (json:/*/v): 100 % of 20 pairs" in said


MORE = """\
1 of 21  page  /page/{name}/  pip: */v: more of it differs than the old side has with itself
    json:/*/v, first 2018-04-16 15:00:00Z, last 2018-04-16 15:00:00Z
    e.g. GET /page/six/ by pip/10.0.0 CPython/3.6.5
        json:/*/v: 3 times in one answer, some of them noise:
        json:/0/v: 7 -> 8
        json:/1/v: 5 -> -1
        and 1 more like these
"""


def test_what_is_grave_comes_first_however_rare_it_is() -> None:
    said = written_report(answer(found(*[PAIR] * LEARNING, *[specimen(OTHER)] * 9, specimen(part("", 404)))))
    assert said.index("1 of 30  page  /page/{name}/  pip: status 404") < said.index("9 of 30  page")


@pytest.mark.parametrize(
    ("kind", "pattern", "words"),
    [
        (Kind.MISSING, "index:/files/*/requires-python", "a file's requires-python is missing"),
        (Kind.MISSING, "index:/files/*", "a file is missing"),
        (Kind.ADDED, "index:/projects/*", "a project is there, and was not"),
        (Kind.CHANGED, "header:cache-control", "the header Cache-Control is another"),
        (Kind.TYPE_CHANGED, "json:/info/author", "info/author is of another type"),
        (Kind.REORDERED, "json:/urls", "urls is in another order"),
        (Kind.CHANGED, "json:", "the whole document is another"),
        (Kind.CHANGED, "index:/hash-algorithms", "the algorithm of the files' hashes is another"),
        (Kind.CHANGED, "index:/hosts", "the host of the files' links is another"),
        (Kind.CHANGED, "index:/files/*/url/path", "a file's url/path is another"),
        (Kind.UNREADABLE, "unreadable:new/too large", "the new side's content cannot be read: too large"),
        (Kind.UNLISTED, "unlisted", "more differences than are listed"),
        (Kind.MORE, "json:/rows/*/v", "rows/*/v: more of it differs than the old side has with itself"),
        (Kind.CHANGED, "(other)", "something else is another"),
        (Kind.STATUS_CHANGED, "(other)", "another status"),
    ],
)
def test_each_kind_has_its_words(kind: Kind, pattern: str, words: str) -> None:
    assert worded(kind, pattern) == words


def test_each_reason_has_its_words() -> None:
    counts = [{"rule": "page", "why": why.value, "count": 1} for why in Unjudged]
    assert written_report(answer(Findings(), rules=[], unjudged=counts)).count("page: 1 ") == len(Unjudged)
