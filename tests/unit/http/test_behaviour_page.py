"""The page on what the edge does with HTTP names every refusal and failure that the code knows, and real limits."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import edgeproxy.http
from edgeproxy.ruleset.limits import Limits
from edgeproxy.telemetry.counters import BackendFailure, Refusal

TESTS = Path(__file__).parents[2]
PAGE = Path(*edgeproxy.http.__path__, "BEHAVIOUR.md").read_text()


@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_is_there(refusal: Refusal) -> None:
    assert f"`{refusal}`" in PAGE


@pytest.mark.parametrize("failure", BackendFailure)
def test_every_failure_is_there_with_its_status(failure: BackendFailure) -> None:
    assert f"| `{failure}` | {failure.status} |" in PAGE


def test_every_limit_that_is_named_exists() -> None:
    tables = PAGE[PAGE.index("## Times") : PAGE.index("The other refusals")]
    named = set(re.findall(r"`(\w+)` [0-9]", tables))
    assert {"stall", "connections", "head_time"} <= named
    assert named <= {field.name for field in fields(Limits)}


def test_every_file_of_the_conformance_table_is_cited_and_there() -> None:
    cited = set(re.findall(r"\b[ra][0-9]{2}\b", PAGE))
    there = {
        f"{folder[0]}{path.name[:2]}"
        for folder in ("requests", "answers")
        for path in (TESTS / "conformance" / folder).glob("*.yaml")
    }
    assert cited == there
