"""What a capture costs is told by seconds with it beside the seconds without it around them."""

from __future__ import annotations

from loadtests.captured import Costs, _take_turn, ratio_of, text_of


class Edge:
    """Whose requests become dearer all the time, as on a machine that grows busy; captured, they cost a tenth more."""

    def __init__(self) -> None:
        self.share = 0.0
        self.shares: list[float] = []
        self.seconds = 0

    def switch(self, share: float) -> None:
        self.share = share
        self.shares.append(share)

    def cost(self) -> float:
        self.seconds += 1
        return (10.0 + self.seconds) * (1 + self.share / 10)


def test_a_machine_that_grows_busy_makes_no_capture_dearer() -> None:
    edge, costs = Edge(), Costs({"all": [], "a tenth": []})
    for _ in range(5):
        _take_turn(edge.cost, edge.switch, costs)
    assert edge.shares == [1.0, 0.0, 0.1, 0.0] * 5
    assert edge.seconds == 25
    assert [round(ratio_of(each), 6) for each in costs.values()] == [1.1, 1.01]


def test_one_second_that_was_another_programs_decides_nothing() -> None:
    assert ratio_of([(11.0, 10.0), (11.0, 10.0), (90.0, 10.0), (10.5, 10.0), (11.5, 10.0)]) == 1.1


def test_what_was_seen_is_told_beside_what_it_cost_without() -> None:
    told = text_of({"all": [(11.0, 10.0), (24.0, 20.0)], "a tenth": [(10.1, 10.0)]}).splitlines()
    assert [line.split() for line in told[1:]] == [
        ["off", "10.0", "10.0", "10.0"],
        ["all", "11.0", "11.0", "17.5", "1.150", "1.150", "±", "0.050", "2"],
        ["a", "tenth", "10.1", "10.1", "10.1", "1.010", "1.010", "±", "nan", "1"],
    ]
