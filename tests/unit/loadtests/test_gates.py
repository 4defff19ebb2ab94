"""The simulation of steps: that it draws what it says, and shows what it counted."""

from __future__ import annotations

import json
from itertools import islice
from math import sqrt
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest

from edgeproxy.migration.gates.counts import ArmCounts, Block
from edgeproxy.migration.gates.evidence import Verdict
from loadtests.gates import cases
from loadtests.gates.__main__ import main
from loadtests.gates.chart import svg_of
from loadtests.gates.drawing import Times, binomial, bursts
from loadtests.gates.report import table_of
from loadtests.gates.run import Case, Outcome, most_wrong, play
from loadtests.gates.steps import Sizes, breaking, drifting

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(("exchanges", "share"), [(1, 0.3), (30, 0.005), (400, 0.0001), (99_000, 0.05), (20, 0.9)])
def test_draws_have_the_mean_and_the_deviation_of_a_binomial(exchanges: int, share: float) -> None:
    dice = Random(1)
    drawn = [binomial(dice, exchanges, share) for _ in range(20_000)]
    mean, deviation = exchanges * share, sqrt(exchanges * share * (1 - share))
    assert 0 <= min(drawn) <= max(drawn) <= exchanges
    assert abs(sum(drawn) / 20_000 - mean) < 5 * deviation / sqrt(20_000)
    assert sqrt(sum((one - mean) ** 2 for one in drawn) / 20_000) == pytest.approx(deviation, rel=0.12)


def test_nothing_and_everything_need_no_dice() -> None:
    assert binomial(Random(1), 50, 0.0) == 0
    assert binomial(Random(1), 50, 1.0) == 50


def test_bursts_fail_as_a_whole_and_as_often() -> None:
    dice = Random(1)
    drawn = [bursts(dice, 60, 0.1, 6) for _ in range(5_000)]
    assert {one % 6 for one in drawn} == {0}
    assert sum(drawn) / 5_000 == pytest.approx(6, rel=0.1)


def test_times_are_lognormal() -> None:
    drawn = Times(0.02, 0.5).draw(Random(1), 20_000)
    assert drawn.total == 20_000
    assert drawn.quantile(0.5) == pytest.approx(0.02, rel=0.05)
    assert drawn.quantile(0.95) == pytest.approx(0.0455, rel=0.07)  # 0.02 · exp(1.645 · 0.5)


def test_a_step_is_looked_at_on_all_scales() -> None:
    sizes = list(Sizes(0.01, 100))
    assert sizes[0] == (1, 99)
    assert sizes[-1][0] > 10
    assert all(new >= 1 and old >= 1 for share in (0.01, 0.5, 0.99) for new, old in Sizes(share, 50))


def test_both_arms_drift_together_and_one_breaks_alone() -> None:
    drifted = list(drifting(1000, 1000, 40)(Random(1)))
    assert sum(block.old.failures for block in drifted[20:]) > 100 * sum(block.old.failures for block in drifted[:20])
    assert drifted[30].new.exchanges == 2 * drifted[10].new.exchanges
    broken = list(islice(breaking(10, 10, 6, 3, 1.0)(Random(1)), 6))
    assert [block.new.failures for block in broken[3:]] == [10, 10, 10]
    assert sum(block.old.failures for block in broken) == 0


class Deciding:
    """Says something after its third block."""

    def __init__(self, verdict: Verdict) -> None:
        self._seen, self._verdict = 0, verdict

    def absorb(self, block: Block) -> None:
        self._seen += 1

    @property
    def verdict(self) -> Verdict:
        return self._verdict if self._seen >= 3 else Verdict.NOT_ENOUGH_DATA


@pytest.mark.parametrize(
    ("wanted", "said", "wrong"),
    [
        (Verdict.PASS, Verdict.PASS, 0),
        (Verdict.PASS, Verdict.FAIL, 1),
        (Verdict.FAIL, Verdict.PASS, 1),
        (None, Verdict.FAIL, 1),
        (None, Verdict.NOT_ENOUGH_DATA, 0),
    ],
)
def test_what_counts_as_wrong(wanted: Verdict | None, said: Verdict, wrong: float) -> None:
    case = Case("g", "n", wanted, lambda dice: iter([Block(new=ArmCounts(7))] * 5), lambda: Deciding(said))
    outcome = play(case, 4, 1)
    assert outcome.wrong == wrong
    if wanted is said:
        assert outcome.decided == (21, 21, 21)


def test_a_run_is_the_same_with_the_same_seed() -> None:
    case = next(cases.different(0.05, looks=50))
    assert play(case, 20, 3) == play(case, 20, 3)


def test_chance_may_bring_a_little_more_than_alpha() -> None:
    assert most_wrong(0.01, 10_000) == pytest.approx(0.014, abs=1e-4)


SEEN = [
    Outcome("errors, no worse", "1 % & more", Verdict.PASS, 100, 0.01, 0.97, (900, 1200, 4000), 9000),
    Outcome("errors, on the bound", "1 %", None, 100, 0.0, 0.02, (10, 20, 30), 9000),
]


def test_the_table_says_how_long_it_took_and_how_often_it_was_wrong() -> None:
    lines = table_of(SEEN).splitlines()
    assert "| 1 % & more | 1.0 % | 97.0 % | 1.0 % | 1,200 (900-4,000) |" in lines
    assert "| 1 % | 0.0 % | 2.0 % | 2.0 % | (looked at until 9,000) |" in lines


def test_the_picture_has_a_row_for_each_case_and_a_dot_for_each_that_is_decided() -> None:
    picture = ElementTree.fromstring(svg_of(SEEN, 0.01))
    texts = ["".join(text.itertext()) for text in picture.findall(f"{SVG}text")]
    assert len(picture.findall(f"{SVG}circle")) == 1
    assert "1 % & more" in texts
    assert "2.0 %" in texts


def test_a_run_writes_what_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--runs", "5", "--case", "differences", "--out", str(tmp_path)]) == 0
    document = json.loads((tmp_path / "gates.json").read_text())
    assert len(document["outcomes"]) == 4
    assert (tmp_path / "gates.svg").read_text().startswith("<svg")
    assert capsys.readouterr().out.count("\n") == 4 + 3


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_that_is_none_is_refused(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--runs", number])
    assert "is no number from 1" in capsys.readouterr().err


def test_no_name_is_given_twice() -> None:
    names = [(case.group, case.name) for case in cases.cases(0.01)]
    assert len(names) == len(set(names))
    told = [name for group, name in names if not cases.keeps_its_word(group, name)]
    assert len(told) == 5  # three that are told too small a burst, and the z-test
