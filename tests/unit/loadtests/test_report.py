"""The table, the JSON and the picture of a run."""

import json
from xml.etree import ElementTree

import pytest

from loadtests.bench.cases import CASES
from loadtests.bench.chart import svg_of
from loadtests.bench.figures import Failed, Held, Result, Worked
from loadtests.bench.idle import Growth
from loadtests.bench.load import Load
from loadtests.bench.proxies import PROXIES
from loadtests.bench.report import has_fault, json_of, reports_of, table_of, text_of
from loadtests.bench.runner import Plan

SVG = "{http://www.w3.org/2000/svg}"


def plan(*cases: str, proxies: tuple[str, ...] = ("edge", "bare")) -> Plan:
    return Plan(
        cases=tuple(case for case in CASES if case.name in cases),
        proxies=tuple(proxy for proxy in PROXIES if proxy.name in proxies),
        rounds=3,
        seconds=2,
    )


PLAN = plan("pass-1k")


def rounds(*cpu: float) -> list[Result]:
    return [Worked(one, Load(10_000, 2.0, 10**9, 0.001, 0.0042, 0, 0), None) for one in cpu]


def results(edge: list[Result]) -> dict[str, dict[str, list[Result]]]:
    return {"pass-1k": {"edge": edge, "bare": rounds(0.2, 0.2, 0.2)}}


GOOD = results(rounds(0.3, 0.4, 0.5))
SPOILED = results([*rounds(0.3, 0.4), Failed("ended at once: <no> & more")])


def test_columns_are_aligned_names_left_and_figures_right() -> None:
    assert list(table_of(("proxy", "CPU"), [("edge", "9.5"), ("haproxy", "10.25")])) == [
        "  proxy      CPU",
        "  edge       9.5",
        "  haproxy  10.25",
    ]


def test_the_text_shows_medians_spreads_and_ratios() -> None:
    text = text_of(reports_of(PLAN, GOOD))
    edge = next(line for line in text.splitlines() if line.startswith("  edge "))
    assert edge.split() == ["edge", "40.0", "30.0-50.0", "5,000", "1.00", "4.20", "20%", "0"]
    assert "edge/bare: 2.00 (1.50-2.50)" in text


def test_a_fault_is_told_and_takes_the_ratio_away() -> None:
    reports = reports_of(PLAN, SPOILED)
    text = text_of(reports)
    assert has_fault(reports)
    assert "edge: ended at once" in text
    assert "edge/bare: no ratio, edge had a fault" in text


def test_without_the_edge_there_are_figures_but_no_ratios() -> None:
    (report,) = reports_of(plan("pass-1k", proxies=("bare",)), {"pass-1k": {"bare": GOOD["pass-1k"]["bare"]}})
    assert (len(report.summaries), report.ratios) == (1, ())


def test_memory_has_columns_of_its_own() -> None:
    held: list[Result] = [Held(Growth(1000, 2_048_000, 48 * 2**20, None))]
    text = text_of(reports_of(plan("idle-1k"), {"idle-1k": {"edge": held, "bare": held}}))
    _, header, edge, *_ = text.splitlines()
    assert header.split() == ["proxy", "KiB/connection", "least-greatest", "resident", "MiB"]
    assert edge.split() == ["edge", "2.0", "2.0-2.0", "48.0"]


def test_the_text_says_who_is_left_out_and_who_does_other_work() -> None:
    both = plan("tls-pass-1k", "file-20m", proxies=("edge", "varnish"))
    edge, varnish = rounds(0.3), rounds(0.2)
    text = text_of(reports_of(both, {"tls-pass-1k": {"edge": edge}, "file-20m": {"edge": edge, "varnish": varnish}}))
    assert "varnish: left out, it speaks no TLS to clients" in text
    assert "varnish: passed through from the origin, not served from a directory" in text


def test_many_rules_are_set_in_proportion_to_few() -> None:
    (_, many) = reports_of(
        plan("rules-10", "rules-10k"), {"rules-10": {"edge": rounds(0.2)}, "rules-10k": {"edge": rounds(0.3)}}
    )
    assert "rules-10k/rules-10: 1.50 (1.50-1.50)" in text_of((many,))


def test_without_the_few_rules_the_many_stand_alone() -> None:
    (report,) = reports_of(plan("rules-10k"), {"rules-10k": {"edge": rounds(0.3)}})
    assert report.ratios == ()


def test_the_json_holds_every_single_round() -> None:
    figures = json.loads(json.dumps(json_of(PLAN, GOOD, reports_of(PLAN, GOOD), {"origin": "nginx 1.22.1"})))
    (case,) = figures["cases"]
    edge, _ = case["results"]
    assert (figures["origin"], figures["settings"]) == ("nginx 1.22.1", {"rounds": 3, "seconds": 2})
    assert [one["cost"] for one in edge["rounds"]] == pytest.approx([3e-5, 4e-5, 5e-5])
    assert case["ratios"][0]["value"]["middle"] == 2.0


def picture(of: dict[str, dict[str, list[Result]]]) -> ElementTree.Element:
    return ElementTree.fromstring(svg_of(reports_of(PLAN, of), "a <title>", "2 cores & more"))


def widths(of: ElementTree.Element) -> list[float]:
    return [float(bar.attrib["width"]) for bar in of.iter(f"{SVG}rect") if bar.attrib["width"] != "100%"]


def test_the_picture_is_well_formed_with_bars_to_one_scale() -> None:
    edge, bare = widths(picture(GOOD))
    assert edge / bare == 2.0


def test_cases_that_are_set_in_proportion_are_drawn_to_one_scale() -> None:
    of = {"rules-10": {"edge": rounds(0.2)}, "rules-10k": {"edge": rounds(0.4)}}
    image = ElementTree.fromstring(svg_of(reports_of(plan("rules-10", "rules-10k"), of), "a", "b"))
    few, many = widths(image)
    assert many / few == 2.0
    assert "rules-10k/rules-10 2.00" in [text.text for text in image.iter(f"{SVG}text")]


def test_no_two_texts_of_the_picture_lie_on_each_other() -> None:
    of = {name: {"edge": rounds(0.2), "haproxy": rounds(0.3)} for name in ("cached-1k", "cached-304")}
    reports = reports_of(plan("cached-1k", "cached-304", proxies=("edge", "haproxy")), of)
    image = ElementTree.fromstring(svg_of(reports, "a", "b"))
    places = [(text.attrib.get("x"), text.attrib.get("y")) for text in image.iter(f"{SVG}text")]
    assert len(places) == len(set(places))
    assert "cached-304/cached-1k 1.00" in [text.text for text in image.iter(f"{SVG}text")]


def test_the_picture_stays_inside_its_width() -> None:
    image = picture(GOOD)
    assert max(widths(image)) < float(image.attrib["width"])


def test_the_picture_marks_a_proxy_with_faults() -> None:
    labels = [text.text or "" for text in picture(SPOILED).iter(f"{SVG}text")]
    assert "35.0 µs (faulty)" in labels


def test_the_picture_says_what_was_not_measured() -> None:
    labels = [text.text or "" for text in picture(results([Failed("did not start")])).iter(f"{SVG}text")]
    assert "not measured" in labels
