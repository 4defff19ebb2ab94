"""A generated index is whole, can be had again to the byte, and is as uneven as it should be."""

from __future__ import annotations

from pathlib import Path

import pytest
from packages import stored, wheel
from packaging.utils import canonicalize_name

from backends.generate import Plan, Tally, generate
from backends.generate.__main__ import main
from backends.generate.skew import weights
from backends.store import Store, read_distribution
from backends.store.checking import check
from backends.store.names import confusable_form

PLAN = Plan(60, seed=3, median_size=50, most_releases=6)


def made(directory: Path, plan: Plan = PLAN) -> tuple[Store, Tally]:
    store = Store(directory)
    return store, generate(store, plan, lambda _: None)


def test_what_is_generated_is_whole_and_readable(tmp_path: Path) -> None:
    store, tally = made(tmp_path / "store")
    assert list(check(store)) == []
    files = store.all_files()
    assert (len(store.projects()), len(files)) == (60, tally.files)
    for file in files[:40]:
        read = read_distribution(store.files_directory / file.path, file.filename)
        [release] = [one for one in store.releases(canonicalize_name(file.project)) if one.version == file.version]
        assert (read.metadata["name"], read.metadata["summary"]) == (file.project, release.summary)
        assert store.find(file.project, 1).hits[0].name == file.project
    store.close()


def test_the_same_plan_gives_the_same_index(tmp_path: Path) -> None:
    one, _ = made(tmp_path / "one")
    two, _ = made(tmp_path / "two")
    other, _ = made(tmp_path / "other", Plan(60, seed=4))
    assert one.all_files() == two.all_files()
    assert one.changes_after(0) == two.changes_after(0)
    assert one.projects() != other.projects()
    for store in (one, two, other):
        store.close()


def test_no_two_names_can_be_taken_for_each_other(tmp_path: Path) -> None:
    store, tally = made(tmp_path, Plan(500, files=False, most_releases=1))
    assert len({confusable_form(name) for name in tally.names}) == 500
    store.close()


def test_popularity_is_that_of_the_index_it_is_like() -> None:
    shares = weights(500_000)
    assert sum(shares) == pytest.approx(1)
    assert shares == sorted(shares, reverse=True)
    assert 0.9 < sum(shares[:2058]) < 0.999  # 94.9 % of installs in May 2024
    assert 1.5 < shares[9] / shares[49] < 4  # ranks 10 and 50 of April 2025: 488 M and 175 M


def test_a_store_that_has_one_of_the_projects_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--store", str(tmp_path), "--projects", "3", "--popularity", str(tmp_path / "popularity.tsv")]
    assert main(arguments) == 0
    names = [line.split("\t")[0] for line in (tmp_path / "popularity.tsv").read_text().splitlines()]
    with Store(tmp_path) as store:
        assert {project.name for project in store.projects()} == set(names)
        stored(store, wheel("mine", "1.0"))
        serial = store.last_serial()
    assert main(arguments) == 1
    assert "fill a store that is empty" in capsys.readouterr().err
    with Store(tmp_path) as store:
        assert store.last_serial() == serial
