"""Maps: what the lines of a file become, what is said about wrong ones, and that what was read is found again."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.http.target import BadTarget, Scheme, normalise_path
from edgeproxy.ruleset.load import RuleFileError, load_ruleset, parse_ruleset
from edgeproxy.ruleset.model import NoRule, RedirectMap, Routed, Ruleset, describe_action
from edgeproxy.ruleset.moves import Moves
from edgeproxy.ruleset.problems import Code, Refusal
from edgeproxy.ruleset.read_move import Move, read_move
from edgeproxy.ruleset.read_moves import MOST_TOLD, plain_paths

MAPS = Path(__file__).parent / "maps"
RULES = """edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
rules:
  - {name: moved, match: {path: "/{rest*}", methods: [GET]}, redirect: {map: moves.csv, status: 301, lifetime: 1d}}
  - {name: other, match: {path: /other}, redirect: {map: moves.csv}}
"""
PATHS = st.text("abc/", max_size=5).map(lambda text: f"/{text}")


def ruleset_of(folder: Path, octets: bytes) -> Ruleset:
    (folder / "moves.csv").write_bytes(octets)
    (folder / "rules.yaml").write_text(RULES)
    return load_ruleset(folder / "rules.yaml")


def moves_of(folder: Path, octets: bytes) -> Moves:
    action = ruleset_of(folder, octets).rules[0].action
    assert isinstance(action, RedirectMap)
    return action.moves


def problems_of(folder: Path, octets: bytes) -> RuleFileError:
    with pytest.raises(RuleFileError) as caught:
        ruleset_of(folder, octets)
    return caught.value


def test_a_map_is_a_redirect_for_each_of_its_paths_and_for_no_other(tmp_path: Path) -> None:
    ruleset = ruleset_of(tmp_path, b"from,to\n/a,/b\n")
    action = ruleset.rules[0].action
    assert isinstance(action, RedirectMap)
    assert (action.status, action.lifetime) == (301, 86400.0)
    assert describe_action(action) == f"redirect 301 by {tmp_path / 'moves.csv'}"
    assert isinstance(ruleset.route("GET", Scheme.HTTP, "pypi.test", "/a"), Routed)
    assert isinstance(ruleset.route("GET", Scheme.HTTP, "pypi.test", "/b"), NoRule)


def test_a_map_goes_to_another_process_as_it_was_read(tmp_path: Path) -> None:
    octets = (
        b"from,to\r\n# moved\n\n/a%2cb,/b\n" + b"".join(b"/%d,/to/%d\n" % (n, n) for n in range(3_000)) + b'"/x,y",/z'
    )
    moves = moves_of(tmp_path, octets)
    again = pickle.loads(pickle.dumps(moves, protocol=5))
    assert again == moves
    assert (again.file, len(again), list(again.pairs())) == (moves.file, len(moves), list(moves.pairs()))
    assert [again.line_of(path) for path, _ in again.pairs()] == [moves.line_of(path) for path, _ in moves.pairs()]
    assert [again.target(path) for path in ("/a%2Cb", "/2999", "/x,y", "/none")] == ["/b", "/to/2999", "/z", None]


def test_maps_that_are_at_hand_are_not_read_again(tmp_path: Path) -> None:
    before = ruleset_of(tmp_path, b"/a,/b\n")
    (tmp_path / "moves.csv").write_bytes(b"/a,/other\n")
    name = str(tmp_path / "rules.yaml")
    after = parse_ruleset(RULES, name, base=tmp_path, included=before.sources, maps=before.maps)
    assert (after.maps, after.digest) == (before.maps, before.digest)


def test_rules_with_one_map_share_it(tmp_path: Path) -> None:
    first, second = (rule.action for rule in ruleset_of(tmp_path, b"/a,/b\n").rules)
    assert isinstance(first, RedirectMap)
    assert isinstance(second, RedirectMap)
    assert first.moves is second.moves


@pytest.mark.parametrize(
    ("octets", "pairs"),
    [
        (b"/a,/b", [("/a", "/b")]),
        (b"/a,/b\r\n/c,/d\r\n", [("/a", "/b"), ("/c", "/d")]),
        (b"\xef\xbb\xbffrom,to\n/a,/b\n", [("/a", "/b")]),
        (b'# moved\n\n"from","to"\n"/a","/b"\n', [("/a", "/b")]),
        (b'"/a,b","/c,d"\n', [("/a,b", "/c,d")]),
        (b"/%61/%c3%a9/./b/../c,/d\n", [("/a/%C3%A9/c", "/d")]),
        (b"/.well-known/x,https://pypi.test/.well-known/x\n", [("/.well-known/x", "https://pypi.test/.well-known/x")]),
        (b"/a,https://pypi.test:8443/b?c=%C3%A9&d\n", [("/a", "https://pypi.test:8443/b?c=%C3%A9&d")]),
        (b"/a,http://pypi.test\n//a,/b\n", [("/a", "http://pypi.test"), ("//a", "/b")]),
        (b"/z,/b\n# \xc3\xa9\n/a,/c\n", [("/z", "/b"), ("/a", "/c")]),
    ],
)
def test_a_line_is_a_path_and_a_target(tmp_path: Path, octets: bytes, pairs: Sequence[tuple[str, str]]) -> None:
    moves = moves_of(tmp_path, octets)
    assert list(moves.pairs()) == pairs
    assert len(moves) == len(pairs)
    assert [moves.target(path) for path, _ in pairs] == [target for _, target in pairs]


def test_a_header_after_the_first_pair_is_a_wrong_line(tmp_path: Path) -> None:
    assert [problem.code for problem in problems_of(tmp_path, b"/a,/b\nfrom,to\n").problems] == [Code.BAD_MOVE]


def test_a_pair_knows_its_line(tmp_path: Path) -> None:
    moves = moves_of(tmp_path, b"from,to\n\n/a,/b\n# c\n/%62,/c\n")
    assert [moves.line_of(path) for path in ("/a", "/b", "/c")] == [3, 5, None]


def test_a_wrong_map_is_told_what_is_wrong() -> None:
    with pytest.raises(RuleFileError) as caught:
        parse_ruleset((MAPS / "wrong.yaml").read_text(), "wrong.yaml", base=MAPS)
    assert str(caught.value) == (MAPS / "wrong.txt").read_text()


def test_of_many_wrong_lines_some_are_told_and_the_others_counted(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, b"/a\n" * (MOST_TOLD + 5)).problems
    assert len(problems) == MOST_TOLD + 1
    assert problems[-1].place.line == MOST_TOLD + 1
    assert problems[-1].message == "and 5 more such lines, of which this is one"


def test_wrong_lines_are_found_among_many_good_ones(tmp_path: Path) -> None:
    lines = [b"/old/%d,/new/%d\n" % (number, number) for number in range(30_000)]
    lines[20_000] = b"/old/20000\n"
    lines[29_999] = b"/old/7,/elsewhere\n"
    first, second = problems_of(tmp_path, b"".join(lines)).problems
    assert (first.code, first.place.line) == (Code.BAD_MOVE, 20_001)
    assert (second.code, second.place.line) == (Code.DUPLICATE_VALUE, 30_000)
    assert second.related is not None
    assert second.related.place.line == 8


def test_every_pair_of_a_long_map_is_found(tmp_path: Path) -> None:
    pairs = [(f"/old/{number}", f"/new/{number}") for number in range(30_000)]
    moves = moves_of(tmp_path, "".join(f"{path},{target}\n" for path, target in pairs).encode())
    assert list(moves.pairs()) == pairs
    assert all(moves.target(path) == target for path, target in pairs)
    assert moves.target("/old/30000") is None


def test_the_digest_of_a_ruleset_covers_its_maps(tmp_path: Path) -> None:
    one = ruleset_of(tmp_path, b"/a,/b\n").digest
    assert ruleset_of(tmp_path, b"/a,/c\n").digest != one
    assert ruleset_of(tmp_path, b"/a,/b\n").digest == one


def test_maps_with_the_same_lines_are_equal() -> None:
    one, same, other = (Moves(Path("m.csv"), {"/a": target}) for target in ("/b", "/b", "/c"))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other


@given(st.dictionaries(PATHS, PATHS), PATHS)
def test_a_map_is_what_a_dict_is(targets: dict[str, str], path: str) -> None:
    moves = Moves(Path("m.csv"), targets)
    assert moves.target(path) == targets.get(path)
    assert dict(moves.pairs()) == targets


def is_normal(path: str) -> bool:
    try:
        return normalise_path(path) == path
    except BadTarget:
        return False


@given(st.lists(st.sampled_from(["/", "a", ".", "%", "%C3", "%A9", "%c3", "%61", "%2E", "%2F", "%3F", "?", "#", "~"])))
def test_lines_that_are_taken_as_they_are_are_those_that_reading_leaves_so(pieces: list[str]) -> None:
    text = "/" + "".join(pieces)
    for line in (f"{text},/x", f"/x,{text}"):
        if plain_paths(f"{line}\n".encode(), 1) is not None:
            path, target = line.split(",")
            assert is_normal(path)
            assert read_move(line) == Move(path, target)


@given(st.text("/a.%2Ee?#{}:h", max_size=8))
def test_what_a_quick_look_takes_for_a_target_is_one(text: str) -> None:
    try:
        read_move(f"/x,/{text}")
    except Refusal:
        assert plain_paths(f"/x,/{text}\n".encode(), 1) is None


@pytest.mark.parametrize(
    ("line", "offset", "remedy"),
    [
        ("/a, /b", 3, "leave it out."),
        ("/a ,/b", 2, "leave it out."),
        ("/a,/b\t", 5, "leave it out."),
        ("/é,/b", 0, "write a path that a request can have, percent-encoded: /%C3%A9."),
    ],
)
def test_the_remedy_for_a_line_makes_a_line_that_is_read(line: str, offset: int, remedy: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_move(line)
    assert (caught.value.offset, caught.value.remedy) == (offset, remedy)
