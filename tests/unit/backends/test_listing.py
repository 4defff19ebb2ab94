"""Lists as both sites tell them by XML-RPC: in steps, and as the standard library would write them."""

from __future__ import annotations

import xmlrpc.client

import pytest

from backends import listing
from backends.marshalling import Written, array_of, write_result, written
from backends.steps import Steps, at_once
from backends.store import Project

TEXTS = ["a&b", "<c>", "]]>", 'said "é"', "", "2\r\n3"]
PROJECTS = [Project(text, text, serial) for serial, text in enumerate(TEXTS)]


@pytest.mark.parametrize(
    ("told", "value"),
    [
        (lambda: listing.names(TEXTS), TEXTS),
        (lambda: listing.rows((text, 0) for text in TEXTS), [[text, 0] for text in TEXTS]),
        (lambda: listing.rows((text, "1.0") for text in TEXTS), [[text, "1.0"] for text in TEXTS]),
        (lambda: listing.serials(PROJECTS), {project.name: project.serial for project in PROJECTS}),
        (lambda: listing.names([]), []),
        (lambda: listing.serials([]), {}),
    ],
)
def test_what_is_told_is_what_the_standard_library_writes(told: Steps[Written], value: object) -> None:
    assert write_result(at_once(told())) == write_result(value)  # type: ignore[operator, arg-type]


def test_between_so_many_others_have_their_turn() -> None:
    assert len(list(listing.names(["a"] * (3 * listing.AT_ONCE)))) == 3


def test_control_characters_are_left_out() -> None:
    ((names,), _) = xmlrpc.client.loads(write_result(at_once(listing.names(["rings\x07 twice"]))))
    assert names == ["rings twice"]


def test_a_serial_that_xml_rpc_does_not_have_is_an_error() -> None:
    with pytest.raises(OverflowError):
        at_once(listing.serials([Project("a", "a", 2**31)]))


def test_what_is_written_is_written_once() -> None:
    several = array_of([written(["a"]), at_once(listing.names(["b", "c"]))])
    assert write_result(several) == write_result([["a"], ["b", "c"]])
    assert written(several) is several
