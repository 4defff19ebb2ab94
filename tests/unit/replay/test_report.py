"""Reports: the same figures in three forms, and a page that needs nothing else and can be read without seeing it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from edgeproxy.migration.comparing.answers import Answer
from edgeproxy.migration.comparing.differences import Changed, StatusChanged
from edgeproxy.migration.comparing.examples import Example
from edgeproxy.migration.comparing.grouping import Key
from replay.report.as_json import as_json
from replay.report.facts import Comparison, NotCompared, Read, Report, Side, Warm
from replay.report.page import as_page
from replay.report.plots import by_percentile, linear, logarithmic, thinned
from replay.report.text import as_text
from replay.schedule.choosing import Refused
from replay.sending.outcome import Failure, NotSent, Outcome

EVIL = "</title><script>alert(1)</script>"
VOID = {"meta", "link", "br", "img"}


def outcome(answers: int = 100, **more: object) -> Outcome:
    made = Outcome(1_523_887_200.0, seconds=10.0, intended=answers + 3, sent=answers + 2, answered=answers, **more)  # type: ignore[arg-type]
    for number in range(answers):
        made.statuses[200 if number % 10 else 404] += 1
        made.corrected.note(0.01 * (number + 1))
        made.plain.note(0.001 * (number % 7 + 1))
        made.timing.note(0.0005)
        made.label(f"simple: /simple/{number % 3}/").sent += 1
        moment = made.timeline.at(number / 10)
        moment.intended += 1
        moment.sent += 1
        moment.answered += 1
        moment.corrected = max(moment.corrected, 0.01 * number)
        moment.plain = 0.005
    return made


def report(*outcomes: Outcome, **more: object) -> Report:
    read = Read(
        files=[EVIL],
        seen=120,
        chosen=103,
        lanes=4,
        first=1_523_887_200.0,
        last=1_523_887_300.0,
        refused={Refused.UNSAFE: 16, Refused.SECRET: 1},
        refused_shapes={(Refused.UNSAFE, "POST", EVIL): 16, (Refused.SECRET, "GET", "/"): 1},
        broken=2,
        by="what was declared when it was recorded",
    )
    sides = [Side(f"http://127.0.0.1:{8081 + number}", each) for number, each in enumerate(outcomes)]
    return Report(read, "as recorded, ×1", sides, **more)  # type: ignore[arg-type]


def troubled() -> Report:
    failing = outcome(telling=100)
    failing.failures[Failure.TIMEOUT] += 2
    failing.not_sent[NotSent.LATE] += 1
    failing.kept.update(hit=80, miss=20)
    comparison = Comparison("http://127.0.0.1:8082")
    differences = (Changed(f"json:/{EVIL}", "json:/*", "one", EVIL), StatusChanged(200, 404))
    example = Example.of(1.0, ("GET", f"/{EVIL}", {}), (Answer(200), Answer(404)), differences)
    comparison.groups.add(Key("simple", EVIL, "pip"), differences, lambda: example, 1.0)
    comparison.groups.add(Key("simple", "/same/", "pip"), (), lambda: example, 1.0)
    comparison.not_compared[NotCompared.TOO_LARGE] += 3
    comparison.noise, comparison.pairs = [("changed", "json:/now", 0.5)], 20
    return report(failing, outcome(50), comparison=comparison, warmth="all purged first", warm=Warm(0.9, 89, 11, 0, 0))


class Page(HTMLParser):
    """Elements that are open, and what there is."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("made", [report(outcome()), troubled(), report(outcome(0)), report(outcome(1))])
def test_a_page_is_whole_and_needs_nothing_else(made: Report) -> None:
    text = as_page(made)
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not {"src", "href", "onclick", "onload"} & {name for name, _ in page.attributes}
    assert "url(" not in text
    assert "@import" not in text


@pytest.mark.parametrize("made", [report(outcome()), troubled()])
def test_each_plot_is_told_in_words_too(made: Report) -> None:
    text = as_page(made)
    plots = [f"<svg{each.partition('</svg>')[0]}</svg>" for each in text.split("<svg")[1:]]
    shown = [plot for plot in plots if "aria-hidden" not in plot]
    assert len(shown) >= 5
    for plot in shown:
        root = ElementTree.fromstring(plot)
        ids = {each.get("id") for each in root}
        assert root.get("role") == "img"
        assert set((root.get("aria-labelledby") or "").split()) <= ids
        assert all((root.findtext(name) or "").strip() for name in ("title", "desc"))
    assert '<html lang="en">' in text
    assert text.count("<h1>") == 1
    assert text.count('scope="col"') > 5


def test_what_came_from_others_is_text() -> None:
    text = as_page(troubled())
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_all_forms_have_the_same_figures() -> None:
    made = troubled()
    words, values, page = "\n".join(as_text(made)), as_json(made), as_page(made)
    json.dumps(values)
    assert values["ok"] is False
    assert values["troubles"] == list(made.troubles)
    for trouble in made.troubles:
        assert f"FAILED: {trouble}" in words
        assert trouble in page
    side = values["targets"][0]
    assert (side["intended"], side["answered"], side["failed"], side["not_sent"]) == (
        *(103, 100),
        {"timeout": 2},
        {"late": 1},
    )
    assert "990" in words  # the p99 of corrected latency, in milliseconds
    assert side["corrected"]["p99"] == pytest.approx(0.99, rel=0.01)
    assert "80.0 % hits of 100 answers that say so (aim 90.0%)" in words
    assert "16  unsafe: it may have written" in words
    assert values["recorded"]["refused"] == {"unsafe": 16, "secret": 1}
    assert values["compared"]["different"] == 1
    assert "noise  changed json:/now, in 50.0% of 20 pairs" in words
    assert "3  not compared: too_large" in words


def test_a_run_in_which_all_went_well_says_so() -> None:
    fine = outcome(telling=100)
    fine.intended = fine.sent = fine.answered
    made = report(fine)
    assert (list(made.troubles), list(made.doubts)) == ([], [])
    assert list(as_text(made))[-1] == "all that was to be sent was sent and answered"
    assert as_json(made)["ok"] is True


def test_figures_that_tell_of_something_else_are_told() -> None:
    busy = outcome(busy=0.97)
    notes = " ".join(report(busy).doubts)
    assert "the sender used 97% of a core" in notes
    assert "no answer said how much it wrote" in notes
    failing = outcome(telling=1)
    failing.failures.update({Failure.TIMEOUT: 2, Failure.CONNECT: 1})
    failing.not_sent.update({NotSent.LATE: 3, NotSent.OVERLOAD: 4})
    notes = " ".join(report(failing).doubts)
    assert "5 requests had no answer in time, and count with the time until they were given up" in notes
    assert "5 requests that failed otherwise, or were not sent, are in no latency" in notes
    stopped = report(outcome(telling=1), is_whole=False)
    assert "it was stopped before its end" in stopped.troubles


def test_a_sender_that_is_late_itself_says_so_however_little_it_used_of_its_core() -> None:
    late = outcome(telling=100, busy=0.3)
    late.intended = late.sent = late.answered
    late.scheduled, late.taken = 10.0, 15.0
    for _ in range(10):
        late.timing.note(4.0)
    made = report(late)
    assert list(made.troubles) == []
    notes = "\n".join(made.doubts)
    assert "sent late by the sender itself, p99 4,000 ms (more than 10.0 ms)" in notes
    assert "6.67/s were sent where 10/s were intended (67%)" in notes
    assert list(as_text(made))[-1] == "all that was to be sent was sent and answered, but not when it was to be"
    assert "answered, but not when it was to be." in as_page(made)
    assert "  intended   100 in 10.0 s (10/s)" in list(as_text(made))
    strict = report(late, late_at_most=0.05)
    assert len(strict.troubles) == 2
    assert not [note for note in strict.doubts if "late" in note]
    assert as_json(strict)["ok"] is False
    late.timing, late.taken = Outcome(0.0).timing, 10.1
    assert list(report(late, late_at_most=0.05).troubles) == []


def test_a_hit_ratio_that_was_not_held_fails_and_what_was_not_asked_is_counted() -> None:
    few = outcome(20, telling=20)
    few.intended = few.sent = few.answered
    few.kept.update(hit=2, miss=18)
    made = report(few, warm=Warm(0.8, 2, 18, 94, 5))
    assert list(made.troubles) == [
        "80.0% hits were to be held, and 10.0% of what was asked had been asked before: a longer recording, or a slower "
        "run, has more to ask again"
    ]
    assert "94 requests of the schedule had nothing to ask" in "\n".join(made.doubts)
    cache = as_json(made)["cache"]
    assert (cache["asked_before"], cache["asked_first"], cache["unfilled"], cache["left_out"]) == (2, 18, 94, 5)
    cold = outcome(20, telling=20)
    cold.intended = cold.sent = cold.answered
    cold.kept.update(hit=4, miss=16)
    made = report(cold, warm=Warm(0.8, 16, 4, None, 0))
    assert list(made.troubles) == []
    notes = "\n".join(made.doubts)
    assert "20.0 % of its answers say that they are hits, where 80.0% were asked for" in notes
    assert "it ended when no request was left" in notes


def test_no_line_leads_over_a_stall_and_it_is_shown_how_long_requests_were_due() -> None:
    stalled = Outcome(0.0, seconds=10.0, intended=40, sent=40, answered=40)
    for number in range(40):
        moment = stalled.timeline.at(number * 0.25)
        moment.intended = 1
        if 10 <= number < 30:
            moment.oldest = (number - 9) * 0.25
        else:
            moment.answered, moment.corrected, moment.plain = 1, 5.0 if number == 30 else 0.01, 0.01
        stalled.corrected.note(moment.corrected or 0.01)
    page = as_page(report(stalled))
    plot = page.partition('id="moments"')[2].partition("</section>")[0]
    lines = plot.partition("</svg>")[0]
    assert lines.count('class="line one"') == 2  # before the stall, and behind it
    assert lines.count('class="line one dashed thin"') == 2
    assert lines.count('class="line bad thin"') == 1
    assert "due so long, and nothing answered" in plot
    idle = Outcome(0.0, seconds=10.0, intended=2, sent=2, answered=2)
    for at in (0.0, 9.0):
        idle.timeline.at(at).intended = idle.timeline.at(at).answered = 1
        idle.timeline.at(at).corrected = idle.timeline.at(at).plain = 0.01
    plot = as_page(report(idle)).partition('id="moments"')[2].partition("</section>")[0]
    assert plot.partition("</svg>")[0].count('class="line one"') == 1  # nothing was due between them
    assert "nothing answered" not in plot


def test_a_run_of_one_moment_is_a_line_and_not_a_dot() -> None:
    plot = as_page(report(outcome(1))).partition('id="throughput"')[2].partition("</svg>")[0]
    (path,) = (line for line in plot.split("<path ") if line.startswith('class="line ink"'))
    begin, end = path.partition('d="M')[2].partition('"')[0].split("L")
    assert begin.split()[1] == end.split()[1]
    assert float(end.split()[0]) - float(begin.split()[0]) > 100


def test_axes() -> None:
    assert [words for _, words in linear("", 950).ticks] == ["0", "200", "400", "600", "800", "1,000"]
    assert [words for _, words in linear("", 0).ticks] == ["0", "1"]
    assert [words for _, words in logarithmic("", 0.3, 40).ticks][:3] == ["0.1", "1", "10"]
    percentiles = by_percentile("", 3)
    places = [percentiles.place(share) for share in (0.0, 0.9, 0.99, 0.999, 0.99999, 1.0)]
    assert places == pytest.approx([0, 1 / 3.4, 2 / 3.4, 3 / 3.4, 3 / 3.4, 1])
    assert [words for _, words in percentiles.ticks] == ["0 %", "50 %", "90 %", "99 %", "99.9 %", "max"]
    many = [(float(number), float(number % 100)) for number in range(10_000)]
    assert len(thinned(many)) <= 600
    assert max(up for _, up in thinned(many)) == 99
