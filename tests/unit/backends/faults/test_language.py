"""What can be said of faults, and what is said of what cannot."""

from __future__ import annotations

import pytest

from backends.faults.language import FaultError, read_header, read_planted, read_time
from backends.faults.model import (
    Attribute,
    Error,
    Fault,
    Hang,
    Hashes,
    Incident,
    Missing,
    Redirect,
    Reset,
    Slow,
    Surface,
    Where,
    Without,
    WrongHash,
)


@pytest.mark.parametrize(
    ("text", "where", "fault"),
    [
        ("simple/jinja2 missing", Where(Surface.SIMPLE, "jinja2"), Fault(Missing())),
        ("*/Zope.Interface missing", Where(None, "zope-interface"), Fault(Missing())),
        ("* slow=300ms", Where(), Fault(Slow(0.3))),
        ("simple/* slow=2s share=20%", Where(Surface.SIMPLE), Fault(Slow(2.0), share=20_000)),
        ("json error", Where(Surface.JSON), Fault(Error(500))),
        ("page error=503 share=0.125% seed=7", Where(Surface.PAGE), Fault(Error(503), 125, 7)),
        ("calls hang", Where(Surface.CALLS), Fault(Hang())),
        ("files reset", Where(Surface.FILES), Fault(Reset(None))),
        ("files/six reset=4096 kept", Where(Surface.FILES, "six"), Fault(Reset(4096), is_kept=True)),
        ("simple wrong-hash", Where(Surface.SIMPLE), Fault(WrongHash(Hashes.ALL))),
        ("simple wrong-hash=metadata", Where(Surface.SIMPLE), Fault(WrongHash(Hashes.METADATA))),
        ("* without=requires-python", Where(), Fault(Without(Attribute.REQUIRES_PYTHON))),
        ("* redirect=host-loop", Where(), Fault(Redirect(Incident.HOST_LOOP))),
        ("json/pyOpenSSL redirect=name-flip", Where(Surface.JSON, "pyopenssl"), Fault(Redirect(Incident.NAME_FLIP))),
    ],
)
def test_a_fault_with_its_place_is_read(text: str, where: Where, fault: Fault) -> None:
    assert read_planted(text) == (where, fault)


def test_a_header_may_ask_for_several() -> None:
    assert read_header("slow=1s,  error=502 share=50%") == (Fault(Slow(1.0)), Fault(Error(502), share=50_000))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no fault with its place"),
        ("missing", "is no fault with its place"),
        ("simpel/jinja2 missing", "'simpel' is no place: give one of simple, json, page, files, calls, upload, or *"),
        ("simple/-x missing", "'-x' is no project's name"),
        ("simple/ missing", "'' is no project's name"),
        ("simple mising", "'mising' is no fault: give one of slow, error, hang, reset, missing"),
        ("simple missing=now", "'missing' takes no value"),
        ("simple slow", "'slow' needs a value: give one like slow=300ms"),
        ("simple slow=fast", "'fast' is not a time"),
        ("simple slow=11m", "'11m' is not between 0 and 600 seconds"),
        ("simple slow=0s", "'0s' is not between"),
        ("simple error=404", "error=404 is not the status of a server's failure"),
        ("simple error=abc", "error=abc is not the status"),
        ("simple reset=half", "reset=half is not a whole number"),
        ("simple wrong-hash=md5", "give one of wrong-hash=file, wrong-hash=metadata, wrong-hash=all"),
        ("simple without", "give one of without=requires-python, without=yanked, without=core-metadata"),
        ("simple redirect=loop", "give one of redirect=host-loop, redirect=name-flip"),
        ("simple hang share=0%", "share=0% is not above 0%"),
        ("simple hang share=101%", "share=101% is not above 0% and up to 100%"),
        ("simple hang share=5", "share=5 is not above 0%"),
        ("simple hang share=1% share=2%", "'share' is given twice"),
        ("simple hang twice", "'twice' says nothing about a fault: give one of share, seed, kept"),
        ("simple hang kept=yes", "'kept' takes no value"),
        ("simple redirect=name-flip", "redirect=name-flip happens at json only"),
        ("json redirect=host-loop", "redirect=host-loop happens at files only"),
        ("upload missing", "an upload says nothing of packages"),
        ("calls/six slow=1s", "the project of calls is in the body"),
        ("simple slow=\u0663s", "is not a time"),
    ],
)
def test_what_is_no_fault_is_said_with_what_would_be(text: str, said: str) -> None:
    with pytest.raises(FaultError) as refused:
        read_planted(text)
    assert said in str(refused.value)


def test_the_faults_of_a_header_are_bounded() -> None:
    with pytest.raises(FaultError, match="9 faults for one request are more than 8"):
        read_header(", ".join(["hang"] * 9))
    with pytest.raises(FaultError, match="a fault is missing"):
        read_header("hang,")


def test_a_time_has_a_unit_and_an_end() -> None:
    assert [read_time(text, 86_400.0) for text in ("250ms", "3s", "10m", "24h")] == [0.25, 3.0, 600.0, 86_400.0]
    with pytest.raises(FaultError):
        read_time("25h", 86_400.0)
