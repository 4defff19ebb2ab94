"""What is put into a store is found again, once, under the right names, whoever else writes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from hashlib import blake2b, md5, sha256
from pathlib import Path

import pytest
from packages import LAUNCH, Package, sdist, stored, wheel

from backends.steps import at_once
from backends.store import Added, Addition, Conflict, ConflictReason, File, Same, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def added(addition: Addition) -> File:
    assert isinstance(addition, Added)
    return addition.file


def test_an_added_wheel_is_described_by_its_bytes_and_its_metadata(store: Store) -> None:
    package = wheel("Zope.Interface", "5.0", {"Requires-Python": ">=3.8"}, tags="py2.py3-none-any")
    file = added(stored(store, package, comment="first"))
    assert (file.project, file.version) == ("Zope.Interface", "5.0")
    assert (file.packagetype, file.python_version, file.requires_python) == (
        "bdist_wheel",
        "py2.py3",
        ">=3.8",
    )
    assert (file.size, file.comment) == (len(package.content), "first")
    assert file.md5 == md5(package.content).hexdigest()
    assert file.sha256 == sha256(package.content).hexdigest()
    assert file.blake2b_256 == blake2b(package.content, digest_size=32).hexdigest()
    assert file.upload_time == LAUNCH
    assert store.file_named(package.filename) == file


def test_bytes_and_wheel_metadata_are_where_the_content_host_serves_them(store: Store) -> None:
    package = wheel("flask", "1.0", {"Summary": "A small framework"})
    file = added(stored(store, package))
    digest = blake2b(package.content, digest_size=32).hexdigest()
    assert file.path == f"packages/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{package.filename}"
    on_disk = store.files_directory / file.path
    assert on_disk.read_bytes() == package.content
    assert on_disk.stat().st_mode & 0o777 == 0o644
    metadata = on_disk.with_name(on_disk.name + ".metadata").read_bytes()
    assert b"Summary: A small framework" in metadata
    assert file.metadata_sha256 == sha256(metadata).hexdigest()


def test_an_sdist_has_no_metadata_beside_it(store: Store) -> None:
    file = added(stored(store, sdist("flask", "1.0")))
    assert (file.packagetype, file.python_version, file.metadata_sha256) == ("sdist", "source", None)
    assert [path.name for path in (store.files_directory / file.path).parent.iterdir()] == [file.filename]


def test_a_project_keeps_its_first_spelling_and_is_found_by_the_normalised_one(store: Store) -> None:
    stored(store, wheel("Zope.Interface", "5.0"))
    stored(store, wheel("zope_interface", "5.1"))
    project = store.project("zope-interface")
    assert project is not None
    assert (project.name, project.normalized) == ("Zope.Interface", "zope-interface")
    assert store.project("Zope.Interface") is None
    assert [release.project for release in store.releases("zope-interface")] == ["Zope.Interface"] * 2


def test_projects_are_in_the_order_of_their_normalised_names(store: Store) -> None:
    for name in ("Zebra", "apple", "Mango_x", "mango"):
        stored(store, wheel(name, "1.0"))
    assert [project.name for project in store.projects()] == ["apple", "mango", "Mango_x", "Zebra"]


def test_projects_are_told_page_by_page_while_others_are_made(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.store.reading.PROJECTS_AT_ONCE", 2)
    for name in ("b", "d", "f", "h"):
        stored(store, wheel(name, "1.0"))
    told: list[list[str]] = []
    for page in store.project_pages():
        told.append([project.name for project in page])
        if len(told) == 1:
            for name in ("a", "e"):  # one before what was told, one after it
                stored(store, wheel(name, "1.0"))
    assert told == [["b", "d"], ["e", "f"], ["h"]]
    assert [project.name for project in store.projects()] == ["a", "b", "d", "e", "f", "h"]


def test_releases_and_files_are_in_the_order_of_versions_not_of_text(store: Store) -> None:
    for version in ("1.10", "1.9", "1.9rc1", "2!0.1"):
        stored(store, wheel("flask", version))
    stored(store, sdist("flask", "1.9"))
    assert [release.version for release in store.releases("flask")] == ["1.9rc1", "1.9", "1.10", "2!0.1"]
    assert [file.filename for file in store.files("flask", "1.9")] == [
        "flask-1.9-py3-none-any.whl",
        "flask-1.9.tar.gz",
    ]
    assert len(store.files("flask")) == 5


def test_versions_outside_pep_440_come_last(store: Store) -> None:
    for version in ("final", "0.1", "beta-x"):
        stored(store, sdist("old", version))
    assert [release.version for release in store.releases("old")] == ["0.1", "beta-x", "final"]


def test_two_spellings_of_a_version_are_one_release(store: Store) -> None:
    stored(store, wheel("flask", "1.0", {"Summary": "first"}))
    stored(store, sdist("flask", "1.0.0", {"Summary": "second"}))
    [release] = store.releases("flask")
    assert (release.version, release.summary) == ("1.0", "first")
    assert store.release("flask", "v1.0.0") == release
    assert len(store.files("flask", "1")) == 2


def test_metadata_comes_back_as_it_was_given(store: Store) -> None:
    fields = {
        "Classifier": ["Framework :: Flask", "Topic :: Internet"],
        "Project-URL": ["Source, http://pypi.test/source"],
        "Keywords": "web,größe",
        "Description": "Long\n\ntext",
    }
    stored(store, wheel("flask", "1.0", fields))
    [release] = store.releases("flask")
    assert release.several("classifiers") == ("Framework :: Flask", "Topic :: Internet")
    assert release.labelled("project_urls") == {"Source": "http://pypi.test/source"}
    assert release.several("keywords") == ("web", "größe")
    assert release.text("description") == "Long\n\ntext"
    assert (release.text("author"), release.several("dynamic"), release.labelled("x")) == ("", (), {})
    assert release.uploaded == LAUNCH


def test_the_same_file_again_changes_nothing(store: Store) -> None:
    file = added(stored(store, wheel("flask", "1.0")))
    serial = store.last_serial()
    assert stored(store, wheel("flask", "1.0"), LAUNCH + timedelta(days=1)) == Same(file)
    assert store.last_serial() == serial


def test_other_bytes_under_a_taken_name_are_refused(store: Store) -> None:
    file = added(stored(store, wheel("flask", "1.0")))
    other = wheel("flask", "1.0", {"Summary": "changed"})
    assert stored(store, other) == Conflict(ConflictReason.NAME_TAKEN, file)
    assert (store.files_directory / file.path).read_bytes() == wheel("flask", "1.0").content


def test_the_same_bytes_under_another_name_are_refused(store: Store) -> None:
    package = wheel("flask", "1.0")
    file = added(stored(store, package))
    again = Package("flask-1.0-py2-none-any.whl", package.content)
    assert stored(store, again) == Conflict(ConflictReason.CONTENT_TAKEN, file)


def test_the_name_of_a_removed_file_is_never_used_again(store: Store) -> None:
    package = wheel("flask", "1.0")
    file = added(stored(store, package))
    assert store.remove_file(package.filename, LAUNCH)
    assert store.file_named(package.filename) is None
    assert store.name_was_used(package.filename)
    assert stored(store, package) == Conflict(ConflictReason.NAME_USED, None)
    assert (store.files_directory / file.path).exists(), "old links to the hashed path go on working"
    assert not store.remove_file(package.filename, LAUNCH)


def test_every_change_has_its_serial_and_its_words(store: Store) -> None:
    later = LAUNCH + timedelta(seconds=5)
    stored(store, wheel("Flask", "1.0"))
    stored(store, sdist("Flask", "1.0"), later)
    store.yank("flask", "1.0", "broken", later)
    store.unyank("flask", "1.0.0", later)
    store.remove_file("flask-1.0.tar.gz", later)
    assert [(change.serial, change.version, change.action) for change in store.changes_after(0)] == [
        (1, None, "create"),
        (2, "1.0", "new release"),
        (3, "1.0", "add py3 file flask-1.0-py3-none-any.whl"),
        (4, "1.0", "add source file flask-1.0.tar.gz"),
        (5, "1.0", "yank release"),
        (6, "1.0", "unyank release"),
        (7, "1.0", "remove file flask-1.0.tar.gz"),
    ]
    assert {change.project for change in store.changes_after(0)} == {"Flask"}
    assert [change.serial for change in store.changes_after(2, limit=2)] == [3, 4]
    assert [change.serial for change in store.changes_since(LAUNCH)] == [4, 5, 6, 7]
    assert store.last_serial() == 7


def test_a_project_s_serial_is_that_of_its_own_last_change(store: Store) -> None:
    stored(store, wheel("flask", "1.0"))
    stored(store, wheel("django", "1.0"))
    serials = {project.name: project.serial for project in store.projects()}
    assert serials == {"flask": 3, "django": 6}


def test_a_yank_marks_the_release_and_all_its_files_and_can_be_undone(store: Store) -> None:
    stored(store, wheel("flask", "1.0"))
    stored(store, sdist("flask", "1.0"))
    stored(store, wheel("flask", "1.1"))
    assert store.yank("flask", "1.0", "does not import", LAUNCH)
    marks = {(file.version, file.yanked, file.yanked_reason) for file in store.files("flask")}
    assert marks == {("1.0", True, "does not import"), ("1.1", False, None)}
    assert store.unyank("flask", "1.0", LAUNCH)
    assert not any(file.yanked or file.yanked_reason for file in store.files("flask"))
    assert not store.yank("flask", "7", None, LAUNCH)


def test_classifiers_keep_their_numbers_and_find_releases(store: Store) -> None:
    stored(store, wheel("b", "1", {"Classifier": ["X :: B", "X :: A"]}))
    before = store.classifiers()
    stored(store, wheel("a", "1", {"Classifier": ["X :: A", "X :: 0"]}))
    assert list(store.classifiers().values()) == ["X :: 0", "X :: A", "X :: B"]
    assert before.items() <= store.classifiers().items()
    assert [brief.project for brief in at_once(store.classified(["X :: A"])).values()] == ["a", "b"]
    assert [brief.project for brief in at_once(store.classified(["X :: A", "X :: B"])).values()] == ["b"]


def test_newest_releases_come_first(store: Store) -> None:
    for minute, version in enumerate(["2.0", "1.0", "3.0"]):
        stored(store, wheel("flask", version), LAUNCH + timedelta(minutes=minute))
    assert [release.version for release in store.newest_releases(2)] == ["3.0", "1.0"]


def test_a_failed_transaction_leaves_no_trace(store: Store) -> None:
    def interrupted() -> None:
        with store.exclusive():
            stored(store, wheel("flask", "1.0"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (store.projects(), store.last_serial(), store.files("flask")) == ([], 0, [])
    added(stored(store, wheel("flask", "1.0")))


def test_a_snapshot_does_not_move_and_cannot_be_written_to(store: Store) -> None:
    stored(store, wheel("flask", "1.0"))
    with Store(store.directory) as other, store.snapshot():
        assert len(store.projects()) == 1
        stored(other, wheel("django", "1.0"))
        assert len(store.projects()) == 1
        with pytest.raises(RuntimeError, match="snapshot"):
            store.remove_file("flask-1.0-py3-none-any.whl", LAUNCH)
    assert len(store.projects()) == 2


def test_of_two_who_add_one_name_at_once_exactly_one_succeeds(store: Store) -> None:
    packages = [wheel("flask", "1.0", {"Summary": text}) for text in ("mine", "yours")]
    ready = threading.Barrier(len(packages))
    outcomes: list[Addition] = []

    def add(package: Package) -> None:
        with Store(store.directory) as own:
            ready.wait()
            outcomes.append(stored(own, package))

    threads = [threading.Thread(target=add, args=(package,)) for package in packages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Added", "Conflict"]
    [file] = store.files("flask")
    assert sha256((store.files_directory / file.path).read_bytes()).hexdigest() == file.sha256


def test_what_is_received_and_not_added_is_gone(store: Store) -> None:
    with store.receive() as receiving:
        receiving.write(b"half a fi")
        assert receiving.path.exists()
    assert not receiving.path.exists()


def test_a_sweep_takes_what_a_killed_process_left_and_nothing_newer(store: Store) -> None:
    left = store.receive()
    left.write(b"x")
    content = left.finish()
    store.sweep(before=LAUNCH)
    assert content.path.exists()
    store.sweep(before=LAUNCH.replace(year=LAUNCH.year + 200))
    assert not content.path.exists()


def test_releases_are_told_since_a_moment_some_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.store.reading.RELEASES_AT_ONCE", 2)
    for minute, version in enumerate(("1", "2", "3", "4", "5")):
        stored(store, wheel("flask", version), LAUNCH + timedelta(minutes=minute // 2))  # two of them at one time
    pages = list(store.releases_since(LAUNCH))
    assert [[release.version for release in page] for page in pages] == [["5", "4"], ["3"]]
    assert list(store.releases_since(LAUNCH + timedelta(minutes=2))) == []


def test_names_of_what_changed_are_told_some_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.store.reading.CHANGES_AT_ONCE", 2)
    for minute, name in enumerate(("a", "b", "c")):
        stored(store, wheel(name, "1"), LAUNCH + timedelta(minutes=minute))
    pages = list(store.names_changed_since(LAUNCH))
    assert max(map(len, pages)) == 2
    assert {name for page in pages for name in page} == {"b", "c"}
    assert list(store.names_changed_since(LAUNCH + timedelta(minutes=2))) == []


def test_what_has_classifiers_is_told_by_name_and_version(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.store.reading.RELEASES_AT_ONCE", 2)
    for name, version, classifiers in (
        ("b", "1.10", ["X", "Y"]),
        ("b", "1.9", ["X"]),
        ("hider", "1.0", ["X"]),
        ("evil", "1.0", ["X", "Y"]),
        ("A", "1.0", ["X", "Z"]),
        ("c", "1.0", ["Z"]),
    ):
        stored(store, wheel(name, version, {"Classifier": classifiers, "Summary": f"{name} {version}"}))
    store.set_hidden("hider", "1.0", True, LAUNCH)
    store.set_status("evil", "quarantined", None, LAUNCH)

    def told(*classifiers: str, listed_only: bool = False) -> list[str]:
        return [brief.summary for brief in at_once(store.classified(classifiers, listed_only)).values()]

    assert told("X") == ["A 1.0", "b 1.9", "b 1.10", "evil 1.0"]
    assert told("X", listed_only=True) == ["A 1.0", "b 1.9", "b 1.10", "hider 1.0"]
    assert told("Y", "X", "X") == ["b 1.10", "evil 1.0"]
    assert told("X", "nothing") == told("nothing") == told() == []
    assert len(list(store.classified(["X"]))) == 3
    names = store.classifiers()
    assert {names[number] for number in store.narrowing([*at_once(store.classified(["Z"]))])} == {"X", "Z"}
