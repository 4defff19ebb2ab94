"""Rule files that include others: what they mean together, and what is said when something is wrong."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from edgeproxy.control.failures import CannotRun
from edgeproxy.control.reading import read_rules
from edgeproxy.ruleset.load import NO_OVERRIDES, RuleFileError, load_ruleset, parse_ruleset
from edgeproxy.ruleset.model import Files, Forward
from edgeproxy.ruleset.origins import DirectoryBackend
from edgeproxy.ruleset.problems import Code

GOLDEN = Path(__file__).parent / "includes"

MAIN = """\
edge: 1
include: [first.yaml, deep/second.yaml]
listen: [{address: "127.0.0.1:8080"}]
rules: [{name: last, match: {host: app, path: "/{rest*}"}, forward: {backend: store}}]
"""
FIRST = """\
edge: 1
include: [hosts.yaml]
rules: [{name: first, match: {host: app, path: /a}, respond: {status: 404}}]
"""
SECOND = """\
edge: 1
include: [../hosts.yaml]
backends: {store: {directory: ./files}}
rules: [{name: second, match: {host: app, path: /b}, files: {directory: ../pages}}]
"""
HOSTS = """\
edge: 1
hosts: {app: {names: [pypi.test]}}
rules: [{name: hosts-first, match: {host: app, path: /h}, respond: {status: 404}}]
"""
TREE = {"main.yaml": MAIN, "first.yaml": FIRST, "deep/second.yaml": SECOND, "hosts.yaml": HOSTS}


def write(directory: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    return directory / "main.yaml"


def problems_of(path: Path) -> list[tuple[Code, str, int]]:
    with pytest.raises(RuleFileError) as caught:
        load_ruleset(path)
    return [(each.code, Path(each.place.file).name, each.place.line) for each in caught.value.problems]


def test_what_is_included_stands_first_and_a_file_is_read_once(tmp_path: Path) -> None:
    ruleset = load_ruleset(write(tmp_path, TREE))
    assert [rule.name for rule in ruleset.rules] == ["hosts-first", "first", "second", "last"]
    assert [rule.index for rule in ruleset.rules] == [0, 1, 2, 3]
    assert [Path(name).relative_to(tmp_path).as_posix() for name in ruleset.sources] == [
        "main.yaml",
        "first.yaml",
        "hosts.yaml",
        "deep/second.yaml",
    ]


def test_paths_are_relative_to_the_file_in_which_they_stand(tmp_path: Path) -> None:
    ruleset = load_ruleset(write(tmp_path, TREE))
    assert ruleset.backends == (DirectoryBackend("store", tmp_path / "deep" / "files"),)
    second, last = ruleset.rules[2:]
    assert isinstance(second.action, Files)
    assert second.action.directory == tmp_path / "deep" / "../pages"
    assert last.action == Forward(ruleset.backends[0])


def test_the_digest_is_that_of_all_texts(tmp_path: Path) -> None:
    before = load_ruleset(write(tmp_path, TREE)).digest
    assert load_ruleset(write(tmp_path, TREE)).digest == before
    assert load_ruleset(write(tmp_path, {"hosts.yaml": HOSTS + "# changed\n"}).with_name("main.yaml")).digest != before


def test_the_texts_alone_give_the_same_ruleset_whatever_became_of_the_files(tmp_path: Path) -> None:
    """As in a worker, which is started with what the supervisor has read."""
    files = TREE | {"deep/second.yaml": SECOND.replace("./files", "..").replace("../pages", "..")}
    rules, ruleset = read_rules(write(tmp_path, files), NO_OVERRIDES, generation=7)
    for name in files:
        (tmp_path / name).unlink()
    copy = pickle.loads(pickle.dumps(rules)).compile()
    assert (copy.rules, copy.digest, copy.generation) == (ruleset.rules, ruleset.digest, 7)


def test_a_reload_sees_a_change_in_an_included_file(tmp_path: Path) -> None:
    files = TREE | {"deep/second.yaml": SECOND.replace("./files", "..").replace("../pages", "..")}
    path = write(tmp_path, files)
    read_rules(path, NO_OVERRIDES, generation=1)
    write(tmp_path, {"deep/second.yaml": SECOND})
    with pytest.raises(CannotRun, match="not a directory"):
        read_rules(path, NO_OVERRIDES, generation=2)


def test_a_text_includes_what_it_is_given() -> None:
    included = {"conf/first.yaml": FIRST, "conf/deep/second.yaml": SECOND, "conf/hosts.yaml": HOSTS}
    ruleset = parse_ruleset(MAIN, "conf/main.yaml", base=Path("/srv"), included=included)
    assert ruleset.backends == (DirectoryBackend("store", Path("/srv/deep/files")),)
    with pytest.raises(RuleFileError, match=r"conf/first\.yaml: the file is not at hand"):
        parse_ruleset(MAIN, "conf/main.yaml", base=Path("/srv"))


def test_one_name_in_two_files_and_one_section_in_two_files(tmp_path: Path) -> None:
    path = write(
        tmp_path, TREE | {"first.yaml": FIRST + 'listen: [{address: "[::1]:1"}]\nhosts: {app: {names: [a.test]}}\n'}
    )
    with pytest.raises(RuleFileError) as caught:
        load_ruleset(path)
    listen, app = caught.value.problems
    assert (listen.code, app.code) == (Code.DUPLICATE_KEY, Code.DUPLICATE_KEY)
    assert listen.place.file == str(path)
    assert listen.related is not None
    assert (listen.related.place.file, listen.related.place.line) == (str(tmp_path / "first.yaml"), 4)
    assert app.related is not None
    assert (app.place.file, app.related.place.file) == (str(tmp_path / "first.yaml"), str(tmp_path / "hosts.yaml"))
    assert str(caught.value).count("hosts: {app: {names: [pypi.test]}}") == 1  # quoted from that file


def test_a_longer_circle_shows_its_chain(tmp_path: Path) -> None:
    circle = {"main.yaml": "b.yaml", "b.yaml": "c.yaml", "c.yaml": "b.yaml"}
    path = write(tmp_path, {name: f"edge: 1\ninclude: [{other}]\n" for name, other in circle.items()})
    with pytest.raises(RuleFileError) as caught:
        load_ruleset(path)
    cycle = next(problem for problem in caught.value.problems if problem.code is Code.CYCLIC_INCLUDE)
    b, c = tmp_path / "b.yaml", tmp_path / "c.yaml"
    assert cycle.place.file == str(c)
    assert cycle.message == f"a cycle: {b} includes {c} includes {b}"
    assert cycle.related is not None
    assert (cycle.related.place.file, cycle.related.note) == (str(b), f"{c} is included here")


def test_the_depth_is_bounded(tmp_path: Path) -> None:
    names = ["main.yaml", *(f"{number}.yaml" for number in range(20))]
    path = write(
        tmp_path, {name: f"edge: 1\ninclude: [{after}]\n" for name, after in zip(names, [*names[1:], "x"], strict=True)}
    )
    assert problems_of(path) == [(Code.TOO_DEEP, "14.yaml", 2)]


def test_a_section_of_the_wrong_kind_in_one_of_the_files(tmp_path: Path) -> None:
    path = write(tmp_path, TREE | {"first.yaml": FIRST + "backends: [a]\n"})
    assert problems_of(path) == [(Code.WRONG_TYPE, "first.yaml", 4)]


def test_all_problems_of_all_files_in_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    with pytest.raises(RuleFileError) as caught:
        load_ruleset(Path("main.yaml"))
    assert str(caught.value) == (GOLDEN / "main.txt").read_text()
