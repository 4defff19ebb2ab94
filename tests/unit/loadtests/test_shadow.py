"""What the shadow run makes of what it saw."""

from __future__ import annotations

import math
from dataclasses import replace

from loadtests.shadow.report import faults_of, json_of, ratio_of, text_of
from loadtests.shadow.run import Outcome
from loadtests.shadow.target import Target

PLAIN = Outcome(cpu=40e-6, p50=0.001, p99=0.002, resident=40 << 20, failures=0, fault=None, shadows={"asked": 0})
HANGING = replace(PLAIN, cpu=50e-6, p99=0.0021, shadows={"asked": 16, "queue_full": 1000})


def test_ratios_are_of_each_round_and_then_the_median() -> None:
    rounds = {Target.NONE: [PLAIN, replace(PLAIN, cpu=80e-6), PLAIN], Target.HANGS: [HANGING] * 3}
    assert ratio_of(rounds, Target.HANGS, lambda outcome: outcome.cpu) == 50 / 40
    assert math.isnan(ratio_of({Target.HANGS: [HANGING]}, Target.HANGS, lambda outcome: outcome.cpu))


def test_the_verdict_is_on_a_backend_that_hangs_on_memory_and_on_what_failed() -> None:
    assert faults_of({Target.NONE: [PLAIN], Target.HANGS: [HANGING], Target.DEAD: [replace(PLAIN, cpu=1.0)]}) == []
    (fault,) = faults_of({Target.NONE: [PLAIN], Target.HANGS: [replace(HANGING, cpu=68e-6)]})
    assert fault == "hangs: the CPU time is 1.70 times that of no shadow, and 1.6 is the most"
    (fault,) = faults_of({Target.NONE: [PLAIN], Target.HANGS: [replace(HANGING, p99=0.0023)]})
    assert "p99 is 1.15 times" in fault
    (fault,) = faults_of({Target.NONE: [PLAIN], Target.BABBLES: [replace(PLAIN, resident=140 << 20)]})
    assert fault == "babbles: 100 MiB more than without a shadow"
    assert len(faults_of({Target.ANSWERS: [replace(PLAIN, failures=1), replace(PLAIN, fault="broken")]})) == 2


def test_the_table_has_a_row_for_each_target_and_the_json_every_round() -> None:
    results = {Target.NONE: [PLAIN] * 2, Target.HANGS: [HANGING] * 2}
    _, none, hangs = text_of(results).splitlines()
    assert none.split() == ["none", "40.0", "1.00", "1.00", "2.00", "1.00", "40", "0", "asked"]
    assert " ".join(hangs.split()) == "hangs 50.0 1.25 1.00 2.10 1.05 40 16 asked, 1,000 queue_full"
    assert [len(rounds) for rounds in json_of(results).values()] == [2, 2]
