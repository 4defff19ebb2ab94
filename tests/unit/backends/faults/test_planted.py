"""Which faults are in force for a request: by their place, their share and their time."""

from __future__ import annotations

import pytest

from backends.faults.language import read_planted
from backends.faults.model import Place, Surface
from backends.faults.places import place_of
from backends.faults.planted import MOST, Faults, TooMany

SIX = Place(Surface.SIMPLE, "six")


def plant(faults: Faults, text: str, until: float = 100.0) -> int:
    where, fault = read_planted(text)
    return faults.plant(where, fault, text, until, now=0.0).number


def thrown(text: str, times: int) -> list[bool]:
    faults = Faults()
    plant(faults, text)
    return [bool(faults.on(SIX, (), 0.0)) for _ in range(times)]


def test_a_share_is_kept_to_and_repeats() -> None:
    first = thrown("simple error share=1%", 20_000)
    assert first == thrown("simple error share=1%", 20_000)
    assert first != thrown("simple error share=1% seed=1", 20_000)
    assert 150 <= sum(first) <= 250  # of 200: three and a half standard deviations


@pytest.mark.parametrize(
    ("text", "acts"),
    [
        ("simple hang", True),
        ("* hang", True),
        ("simple/six hang", True),
        ("*/six missing", True),
        ("simple/flask hang", False),
        ("simple/flask missing", False),
        ("json hang", False),
    ],
)
def test_a_fault_acts_in_its_place(text: str, acts: bool) -> None:
    faults = Faults()
    plant(faults, text)
    assert bool(faults.on(SIX, (), 0.0)) is acts


def test_a_list_of_projects_may_tell_an_untruth_about_one_and_does_not_hang_for_it() -> None:
    faults = Faults()
    plant(faults, "simple/six hang")
    untruth = plant(faults, "simple/six missing")
    [acting] = faults.on(Place(Surface.SIMPLE), (), 0.0)
    assert acting is faults.listed(0.0)[1]
    assert faults.listed(0.0)[1].number == untruth


def test_what_is_planted_ends_by_itself_and_can_be_cleared() -> None:
    faults = Faults()
    first, second = plant(faults, "* hang", until=10.0), plant(faults, "* error", until=20.0)
    assert len(faults.on(SIX, (), 9.9)) == 2
    [acting] = faults.on(SIX, (), 10.0)
    assert not faults.is_over(acting, 10.0)
    assert not faults.clear(first, 10.0)
    assert faults.clear(second, 10.0)
    assert faults.is_over(acting, 10.0)
    assert faults.on(SIX, (), 10.0) == []


def test_no_more_than_so_many_are_planted() -> None:
    faults = Faults()
    for _ in range(MOST):
        plant(faults, "* hang", until=10.0)
    with pytest.raises(TooMany, match="64 faults are planted"):
        plant(faults, "* hang")
    where, fault = read_planted("* hang")
    assert faults.plant(where, fault, "", until=20.0, now=10.0).number == MOST + 1  # those before have ended
    assert faults.clear_all() == 1


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/simple/", Place(Surface.SIMPLE)),
        ("/simple/Zope.Interface/", Place(Surface.SIMPLE, "zope-interface")),
        ("/simple/%53ix", Place(Surface.SIMPLE, "six")),
        ("/pypi/six/json", Place(Surface.JSON, "six")),
        ("/pypi/six/1.0/json/", Place(Surface.JSON, "six")),
        ("/pypi/six/1.0", Place(Surface.PAGE, "six")),
        ("/pypi", Place(Surface.PAGE)),
        ("/", Place(Surface.PAGE)),
        ("/project/six/1.0/", Place(Surface.PAGE, "six")),
        ("/packages/source/s/six/six-1.17.0.tar.gz", Place(Surface.FILES, "six")),
        ("/packages/ab/cd/0123/zope_interface-8.0-cp311-abi3-linux.whl", Place(Surface.FILES, "zope-interface")),
        ("/packages/ab/cd/0123/six-1.17.0-py3-none-any.whl.metadata", Place(Surface.FILES, "six")),
        ("/packages/", Place(Surface.FILES)),
        ("/serial", Place(None)),
        ("/_health/", Place(None)),
        ("/static/site.css", None),
    ],
)
def test_a_path_says_what_is_asked_for(path: str, place: Place | None) -> None:
    assert place_of("GET", path, {}, "") == place


def test_a_call_an_upload_and_an_action_are_told_apart() -> None:
    assert place_of("POST", "/pypi", {}, "text/xml") == Place(Surface.CALLS)
    assert place_of("POST", "/legacy/", {}, "multipart/form-data") == Place(Surface.UPLOAD)
    assert place_of("GET", "/pypi", {":action": "json", "name": "Six"}, "") == Place(Surface.JSON, "six")
