"""Specimens in, findings out: noise is learned first, then differences count."""

from __future__ import annotations

import json
import xmlrpc.client
from collections.abc import Callable
from dataclasses import replace

import pytest
from specimens import NOW, OTHER, RULES, SAME, of_rest, part, shadowed, specimen

from edgeproxy.migration.comparing.comparer import LEARNING, Comparer
from edgeproxy.migration.comparing.differences import Kind
from edgeproxy.migration.comparing.findings import Findings, Lessons, Period, Unjudged, joined
from edgeproxy.migration.comparing.grouping import Key
from edgeproxy.migration.comparing.shadowed import Shadowed
from edgeproxy.migration.specimen import Part, Silence, Specimen

PAGE = Key("page", "/page/{name}/", "pip")
READS = Period("reads", 3, 1)


def feed(comparer: Comparer, *specimens: Specimen) -> Findings:
    for each in specimens:
        comparer.take(comparer.look(each))
    return comparer.news()


def learned(*pairs: Specimen) -> Comparer:
    """One that knows its noise."""
    comparer = Comparer(shadowed(), {})
    feed(comparer, *(pairs or [specimen(again=SAME)] * LEARNING))
    return comparer


def counts(findings: Findings) -> dict[Period, tuple[int, int]]:
    return {period: (each.counts.compared, each.counts.different) for period, each in findings.periods.items()}


def marks(findings: Findings) -> set[tuple[Kind, str]]:
    return {mark for _, group in findings.groups for mark in group.tallies}


def test_noise_is_learned_and_then_differences_are_judged_without_it() -> None:
    comparer = Comparer(shadowed(), {})
    ticks = [part(f'{{"name": "six", "served": {number}}}') for number in range(LEARNING + 1)]
    pairs = [specimen(ticks[at + 1], ticks[at + 1], old=ticks[at]) for at in range(LEARNING)]
    findings = feed(comparer, *pairs[:-1])
    assert (counts(findings), findings.unjudged) == ({}, {("page", Unjudged.LEARNING): LEARNING - 1})
    assert marks(findings) == {(Kind.CHANGED, "json:/served")}  # of the first pair alone: it was not known as noise yet
    assert findings.groups.different == 1
    assert counts(feed(comparer, pairs[-1])) == {READS: (1, 0)}
    other = part('{"name": "seven", "served": 0}')
    findings = feed(comparer, specimen(ticks[3], old=ticks[2]), specimen(other, old=ticks[2]))
    assert counts(findings) == {READS: (2, 1)}
    assert marks(findings) == {(Kind.CHANGED, "json:/name")}
    assert findings.periods[READS].oldest == NOW


FILES = RULES.replace("compare: json", "compare: simple_index")
PAGE_TYPE = "application/vnd.pypi.simple.v1+json"


def page(*names: str) -> Part:
    files = [{"filename": name, "url": f"/packages/{name}", "hashes": {"sha256": "ab" * 32}} for name in names]
    text = json.dumps({"meta": {"api-version": "1.0"}, "name": "six", "files": files})
    return Part(200, f"Content-Type: {PAGE_TYPE}\r\n".encode(), text.encode())


def test_a_file_that_the_old_side_sometimes_lacks_hides_no_new_side_that_always_does() -> None:
    whole, lacking = page("six-1.tar.gz", "six-2.tar.gz"), page("six-1.tar.gz")
    comparer = Comparer(shadowed(FILES), {})
    feed(comparer, *(specimen(whole, lacking if turn % 50 == 0 else whole, old=whole) for turn in range(100)))
    findings = feed(comparer, *[specimen(lacking, old=whole)] * 1_000)
    assert counts(findings) == {READS: (1_000, 1_000)}
    assert marks(findings) == {(Kind.MISSING, "index:/files/*")}


def test_links_lead_from_where_the_client_has_asked() -> None:
    comparer = Comparer(shadowed(FILES), {})
    feed(comparer, *[specimen(page("six-1.zip"), page("six-1.zip"), old=page("six-1.zip"))] * LEARNING)
    there = replace(page("six-1.zip"), content=page("six-1.zip").content.replace(b"/pack", b"https://pypi.test/pack"))
    by_https = replace(specimen(there, old=page("six-1.zip")), lines=b"X-Forwarded-Proto: https\r\n")
    findings = feed(comparer, by_https, replace(by_https, lines=b"X-Forwarded-Proto: http\r\n"))
    assert counts(findings) == {READS: (2, 1)}
    assert marks(findings) == {(Kind.CHANGED, "index:/hosts")}


def test_a_value_that_changes_on_both_sides_as_often_is_never_counted() -> None:
    comparer = Comparer(shadowed(), {})
    other = [part('{"name": "six", "serial": 7}') if turn % 5 < 2 else SAME for turn in range(2_000)]
    pairs = [specimen(new, other[at + 2], old=SAME) for at, new in enumerate(other[:LEARNING])]
    findings = feed(comparer, *pairs, *(specimen(new, old=SAME) for new in other[LEARNING:]))
    ((period, (compared, different)),) = counts(findings).items()
    assert (period, compared, different) == (READS, 1_981, 0)


def test_a_new_side_that_has_what_is_noise_far_more_often_differs() -> None:
    comparer, other = Comparer(shadowed(), {}), part('{"name": "six", "serial": 7}')
    pairs = [specimen(SAME, other if turn % 10 == 0 else SAME) for turn in range(50)]
    feed(comparer, *pairs)
    first = feed(comparer, *[specimen(other)] * 60)
    ((_, (_, different)),) = counts(first).items()
    assert 0 < different < 60
    assert counts(feed(comparer, *[specimen(other)] * 100)) == {READS: (100, 100)}
    assert first.lessons["page"].noise  # so that it is no noise for who shows it either


def html_of(served: int, price: str) -> Part:
    text = f"<p>served in {served} ms</p><p>{price}</p>"
    return Part(200, b"Content-Type: text/html\r\n", text.encode())


def links_of(nonce: int, *links: str) -> Part:
    text = "".join(f"<a href='{link}'>l</a>" for link in (f"/x?nonce={nonce}", *links))
    return Part(200, b"Content-Type: text/html\r\n", text.encode())


def rows_of(*rows: int) -> Part:
    return part(json.dumps({"rows": [{"v": row} for row in rows]}))


def serials_of(serial: int, other: int) -> Part:
    text = xmlrpc.client.dumps(([["a", serial], ["b", other]],), methodresponse=True)
    return Part(200, b"Content-Type: text/xml\r\n", text.encode())


# A page with one place that moves by itself, and the same with others of that pattern that are wrong.
MOVING: dict[str, tuple[str, Callable[[int], Part], Callable[[int], Part]]] = {
    "texts": ("html", lambda n: html_of(n, "costs 10"), lambda n: html_of(n, "costs nothing")),
    "links": ("html", lambda n: links_of(n, "/a", "/b"), lambda n: links_of(n, "http://evil.test/a", "/gone")),
    "rows": ("json", lambda n: rows_of(n, 5, 6), lambda n: rows_of(n, -1, -2)),
    "serials": ("xmlrpc", lambda n: serials_of(n, 3), lambda n: serials_of(n, -3)),
}


@pytest.mark.parametrize("case", MOVING)
def test_a_place_that_is_noise_hides_no_other_place_of_its_pattern(case: str) -> None:
    kind, old, new = MOVING[case]
    comparer = Comparer(shadowed(RULES.replace("compare: json", f"compare: {kind}")), {})
    feed(comparer, *(specimen(old(n + 1), old(n + 2), old=old(n)) for n in range(LEARNING)))
    findings = feed(comparer, *(specimen(new(n + 1), old=old(n)) for n in range(100)))
    assert counts(findings) == {READS: (100, 100)}
    ((_, pattern),) = {mark for mark in marks(findings) if mark[0] is Kind.MORE}
    assert marks(findings) == {(Kind.CHANGED, pattern), (Kind.MORE, pattern)}
    assert counts(feed(comparer, *(specimen(old(n + 1), old=old(n)) for n in range(500)))) == {READS: (500, 0)}


def test_a_new_side_that_gives_no_answer_differs() -> None:
    findings = feed(learned(), specimen(Silence.CONNECT), specimen(Silence.TIMEOUT), specimen(SAME))
    assert counts(findings) == {READS: (3, 2)}
    assert marks(findings) == {(Kind.NO_ANSWER, "answer:new/connect"), (Kind.NO_ANSWER, "answer:new/timeout")}
    ((key, group),) = findings.groups
    (example,) = group.tallies[Kind.NO_ANSWER, "answer:new/connect"].examples
    assert (key, example.old.status, example.new.status, example.new.content) == (PAGE, 200, 0, "")


def test_what_a_new_side_was_not_asked_since_it_answers_nobody_counts_as_no_answer() -> None:
    left_alone = {"unasked": 40, "unasked_since": NOW - 3}
    back = replace(specimen(SAME), **left_alone)
    findings = feed(learned(), specimen(SAME), replace(specimen(Silence.CONNECT), **left_alone), back)
    assert counts(findings) == {READS: (83, 81)}
    assert findings.periods[READS].oldest == NOW - 3
    assert findings.groups.compared == 3
    assert feed(Comparer(shadowed(), {}), back).periods == {}


def test_an_old_side_that_gives_no_second_answer_teaches_nothing() -> None:
    comparer = learned(*[specimen(again=Silence.TIMEOUT)] * LEARNING)
    assert counts(feed(comparer, specimen())) == {}


def test_of_an_old_side_that_failed_nothing_is_said() -> None:
    broken = part("oops", 500)
    findings = feed(learned(), specimen(old=broken), specimen(Silence.BROKEN, old=broken), specimen(broken, old=broken))
    assert counts(findings) == {READS: (1, 0)}  # that both fail alike is an answer too
    assert findings.unjudged == {("page", Unjudged.OLD_FAILED): 2}


def test_an_old_answer_that_is_not_whole_is_not_judged_and_a_new_one_is() -> None:
    cut = replace(SAME, is_cut=True)
    findings = feed(learned(), specimen(old=cut), specimen(cut))
    assert findings.unjudged == {("page", Unjudged.OLD_CUT): 1}
    assert counts(findings) == {READS: (1, 1)}
    assert marks(findings) == {(Kind.UNREADABLE, "unreadable:new/cut")}


def test_a_rule_that_speaks_for_no_cutover_is_shown_and_counts_for_none() -> None:
    findings = feed(learned(*[of_rest(specimen(again=SAME))] * LEARNING), of_rest(specimen(OTHER)))
    assert (findings.periods, findings.groups.different) == ({}, 1)
    ((key, _),) = findings.groups
    assert key == Key("rest", "/{name}/{name}", "pip")
    assert "secret-of-a-user" not in json.dumps(findings.to_json())


def test_what_is_of_pinned_and_forced_clients_is_shown_and_counts_for_no_gate() -> None:
    findings = feed(learned(), replace(specimen(OTHER), is_overridden=True), specimen())
    assert (counts(findings), findings.groups.different) == ({READS: (1, 0)}, 1)
    assert findings.unjudged == {("page", Unjudged.OVERRIDDEN): 1}


def test_each_generation_and_number_counts_for_itself() -> None:
    later = [replace(specimen(OTHER), number=4), replace(specimen(), number=4, generation=2)]
    findings = feed(learned(), specimen(), *later)
    assert counts(findings) == {READS: (1, 0), Period("reads", 4, 1): (1, 1), Period("reads", 4, 2): (1, 0)}


def test_a_new_side_that_takes_too_much_where_the_old_one_does_not_differs() -> None:
    comparer, cut = learned(), specimen(old=replace(SAME, is_cut=True))
    for each in (specimen(OTHER), specimen(Silence.TIMEOUT), cut):
        comparer.give_up(each, comparer.look_at_old(each))
    findings = comparer.news()
    assert counts(findings) == {READS: (2, 2)}
    assert marks(findings) == {(Kind.UNREADABLE, "unreadable:new/too costly"), (Kind.NO_ANSWER, "answer:new/timeout")}
    assert findings.unjudged == {("page", Unjudged.TOO_COSTLY): 1}


def test_other_rules_and_what_takes_too_much_are_counted() -> None:
    comparer = learned()
    comparer.give_up(specimen(), None)
    findings = feed(comparer, replace(specimen(), rule="gone"))
    assert findings.unjudged == {("page", Unjudged.TOO_COSTLY): 1, ("gone", Unjudged.OTHER_RULES): 1}


def test_files_that_were_hashed_as_they_came_are_compared_by_that() -> None:
    files = RULES.replace("compare: json", "compare: file")
    comparer = Comparer(shadowed(files), {})
    feed(comparer, *[specimen(again=SAME)] * LEARNING)
    hashed = replace(SAME, content=b"", digest="ab" * 32, size=5_000_000)
    other = replace(hashed, digest="cd" * 32)
    longer = replace(other, is_cut=True, size=5_000_001)
    findings = feed(comparer, *(specimen(new, old=hashed) for new in (hashed, other, longer)))
    assert counts(findings) == {READS: (3, 2)}
    assert marks(findings) == {(Kind.CHANGED, "content:sha256"), (Kind.CHANGED, "content:size")}
    assert feed(comparer, specimen(hashed, old=longer)).unjudged == {("page", Unjudged.OLD_CUT): 1}


def test_answers_to_head_and_without_content_are_compared_by_their_heads() -> None:
    nothing = Part(200, b"Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 999\r\n")
    gone = Part(204, b"")
    findings = feed(learned(), specimen(nothing, old=nothing), specimen(gone, old=gone), specimen(gone, old=nothing))
    assert counts(findings) == {READS: (3, 1)}
    assert marks(findings) == {(Kind.STATUS_CHANGED, "status/200/204")}


def test_lessons_are_handed_on_to_the_next_comparer_while_the_terms_are_the_same() -> None:
    comparer = learned()
    assert feed(Comparer(shadowed(), comparer.lessons), specimen(OTHER)).groups.different == 1
    assert counts(feed(Comparer(shadowed(), comparer.lessons), specimen(OTHER))) == {READS: (1, 1)}
    for now in ("compare: json, ignore: [header:Cache-Control]", "compare: exact"):
        anew = Comparer(shadowed(RULES.replace("compare: json", now)), comparer.lessons)
        assert feed(anew, specimen(OTHER)).unjudged == {("page", Unjudged.LEARNING): 1}


def test_news_are_told_once_and_add_up_in_any_order() -> None:
    comparer = learned()
    first = feed(comparer, specimen(OTHER), specimen(SAME, again=SAME))
    assert not comparer.news()
    second = feed(comparer, specimen(Silence.CONNECT), replace(specimen(OTHER), at=NOW - 5))
    one, other = Findings(), Findings()
    for each in (first, second):
        one.merge(Findings.from_json(json.loads(json.dumps(each.to_json()))))
    for each in (second, first):
        other.merge(each)
    assert (one.periods, one.unjudged, marks(one)) == (other.periods, other.unjudged, marks(other))
    assert one.groups.different == other.groups.different == 3
    assert counts(one) == {READS: (4, 3)}
    assert one.periods[READS].oldest == NOW - 5
    assert joined({}, first.lessons)["page"].noise.pairs == 1


def test_under_other_terms_lessons_begin_anew() -> None:
    known: Lessons = learned().lessons
    (its,) = (each for each in shadowed() if each.rule == "page")
    later = {"page": known["page"]._replace(terms="others")}
    assert joined(known, later)["page"].noise is known["page"].noise
    assert joined(known, known)["page"].noise.pairs > known["page"].noise.pairs
    assert known["page"].terms == its.terms


@pytest.mark.parametrize("found", [{}, {"groups": {"version": 1, "groups": []}}, {"groups": [], "lessons": []}, []])
def test_what_are_no_findings_is_refused(found: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="these are no"):
        Findings.from_json(found)


def test_a_rules_shadow_is_a_plain_value() -> None:
    page, rest = shadowed()
    assert [page.cutover, rest.cutover] == ["reads", ""]
    assert page.terms != rest.terms
    for each in (page, rest):
        assert Shadowed.from_json(json.loads(json.dumps(each.to_json()))) == each
    other = shadowed(
        RULES.replace(
            "shadow: {to: modern, percent: 100, compare: json}", "shadow: {to: modern, percent: 5, compare: json}"
        )
    )
    assert other[0].terms == page.terms  # how many are shadowed changes no noise
