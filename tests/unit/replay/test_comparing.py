"""Answers of two targets, and of a recording, compared: kinds, noise, what is not compared, and the way to the process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from captures import record

from edgeproxy.migration.comparing.differences import Kind
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.modifiers import Comparison as How
from replay.comparing.judging import Got, Judge, Pair
from replay.comparing.kinds import Kinds
from replay.comparing.pairing import Pairing, Part
from replay.comparing.recorded import AgainstRecording
from replay.comparing.spool import Spool, read
from replay.comparing.worker import KINDS, from_json
from replay.planned import Planned
from replay.report.facts import Comparison, NotCompared
from replay.sending.asking import Answered, Budget
from replay.sending.outcome import Failure, NotSent

JSON = b"Content-Type: application/json\r\n"
HTML = b"Content-Type: text/html\r\n"


def got(content: bytes = b"", lines: bytes = JSON, status: int = 200, **more: object) -> Got:
    values: dict[str, object] = {"octets": len(content), "digest": "", "failure": None}
    return Got(status, lines, content, **(values | more))  # type: ignore[arg-type]


def pair(old: Got, new: Got, again: Got | None = None, method: str = "GET", target: str = "/pypi/six/json") -> Pair:
    headers = (("User-Agent", "pip/26.3"), ("Cookie", "session=hunter2-and-more"))
    return Pair(1.0, "json", "/pypi/{project}/json", method, target, headers, old, new, again)


def judged(*pairs: Pair, kinds: Kinds | None = None) -> Comparison:
    judge = Judge(kinds or Kinds())
    for each in pairs:
        judge.add(each)
    return judge.end("the other")


def patterns(comparison: Comparison) -> dict[tuple[Kind, str], int]:
    return {mark: tally.count for _, group in comparison.groups for mark, tally in group.tallies.items()}


@pytest.mark.parametrize(
    ("method", "target", "old", "new", "found"),
    [
        ("GET", "/a", got(b'{"a": 1, "b": 2}'), got(b'{"b":2,"a":1}'), {}),
        ("GET", "/a", got(b'{"a": 1}'), got(b'{"a": 2}'), {(Kind.CHANGED, "json:/a"): 1}),
        ("GET", "/a", got(b"<p>one</p>", HTML), got(b"<p> one </p>", HTML), {}),
        ("GET", "/simple/six/", got(b"<a href='x-1.0.zip'>x-1.0.zip</a>", HTML), got(b"", HTML),
         {(Kind.MISSING, "index:/files/*"): 1}),
        ("GET", "/a", got(b"", b"Location: /b\r\n", 301), got(b"", b"Location: /c\r\n", 301),
         {(Kind.CHANGED, "header:location"): 1}),
        ("GET", "/a", got(b"one", b"Content-Type: text/css\r\n"), got(b"two", b"Content-Type: text/css\r\n"),
         {(Kind.CHANGED, "content:sha256"): 1}),
        ("POST", "/pypi", got(b"<methodResponse><params><param><value><int>1</int></value></param></params>"
         b"</methodResponse>", b"Content-Type: text/xml\r\n"), got(b"<methodResponse><params><param><value><i4>1</i4>"
         b"</value></param></params></methodResponse>", b"Content-Type: text/xml\r\n"), {}),
        ("GET", "/a", got(status=200), got(status=404), {(Kind.STATUS_CHANGED, "status/200/404"): 1}),
        ("GET", "/a", got(), got(failure=Failure.TIMEOUT), {(Kind.NO_ANSWER, "answer:new/timeout"): 1}),
        ("GET", "/a", got(), got(failure=Failure.TRUNCATED), {(Kind.NO_ANSWER, "answer:new/broken"): 1}),
    ],
)  # fmt: skip
def test_answers_are_compared_by_what_they_are(
    method: str, target: str, old: Got, new: Got, found: dict[tuple[Kind, str], int]
) -> None:
    assert patterns(judged(pair(old, new, method=method, target=target))) == found


def test_a_rules_shadow_says_how_and_what_is_ignored() -> None:
    rules = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {a: {url: "http://127.0.0.1:1"}, b: {url: "http://127.0.0.1:2"}}
rules:
  - name: json
    match: {host: app, path: "/pypi/{project}/json", methods: [GET]}
    forward: {backend: a}
    shadow: {to: b, percent: 1, compare: json, ignore: ["json:/a"]}
"""
    kinds = Kinds.of(parse_ruleset(rules, "rules.yaml", base=Path.cwd()), How.EXACT, ["json:/c"])
    kinds = Kinds.from_json(json.loads(json.dumps(kinds.to_json())))
    old, new = got(b'{"a":1,"b":1,"c":1}'), got(b'{"a":2, "b":2, "c":2}')
    assert patterns(judged(pair(old, new), kinds=kinds)) == {(Kind.CHANGED, "json:/b"): 1}
    other = pair(old, new)._replace(rule="other")
    assert patterns(judged(other, kinds=kinds)) == {(Kind.CHANGED, "content"): 1}


def test_what_the_old_side_has_otherwise_than_itself_is_noise_whenever_that_is_learned() -> None:
    def body(number: int, name: str = "x") -> Got:
        return got(json.dumps({"now": number, "name": name}).encode())

    early = [pair(body(number), body(number + 1)) for number in range(50)]
    learning = [pair(body(number), body(number + 1), body(number + 2)) for number in range(20)]
    wrong = pair(body(1), body(2, "y"))
    found = judged(*early, *learning, wrong)
    assert patterns(found) == {(Kind.CHANGED, "json:/name"): 1}
    assert (found.groups.different, found.groups.compared, found.pairs) == (1, 71, 20)
    assert [(kind, where) for kind, where, _ in found.noise] == [("changed", "json:/now")]


def test_of_what_cannot_be_judged_nothing_is_said() -> None:
    cut = got(b"half", octets=10)
    found = judged(
        pair(got(failure=Failure.CONNECT), got()),
        pair(got(status=503), got()),
        pair(cut, got(b"half and more")),
        pair(got(b"half and more"), cut),
    )
    assert found.not_compared == {NotCompared.OLD_FAILED: 2, NotCompared.TOO_LARGE: 2}
    assert found.groups.compared == 0
    both = judged(pair(got(status=503), got(status=503)))
    assert both.groups.compared == 1
    large = b"Content-Type: application/zip\r\n"
    files = [got(b"", large, octets=1 << 30, digest=each * 64) for each in "aab"]
    assert patterns(judged(pair(files[0], files[1]))) == {}
    assert patterns(judged(pair(files[0], files[2]))) == {(Kind.CHANGED, "content:sha256"): 1}


def test_examples_hold_no_secret_of_the_request() -> None:
    found = judged(pair(got(b'{"a":1}'), got(b'{"a":2}'), target="/a?token=hunter2-and-more"))
    assert "hunter2" not in json.dumps(found.groups.to_json())
    assert "/a?token=[hidden]" in json.dumps(found.groups.to_json())


# -- on the way ---------------------------------------------------------------------------------------------------------


def answered(planned: Planned, content: bytes = b"", **more: object) -> Answered:
    return Answered(planned, 200, JSON, len(content), "", content, **more)  # type: ignore[arg-type]


def test_two_answers_to_one_request_come_together_in_any_order() -> None:
    pairs = list[Pair]()
    budget = Budget(100)
    first, second, third = (Planned(0, "", "GET", f"http://pypi.test/{number}", label="r: /s") for number in range(3))
    pairing = Pairing(lambda each: not pairs.append(each), lambda planned: planned is second, budget)
    old, new, again = (pairing.listener(part) for part in (Part.OLD, Part.NEW, Part.AGAIN))
    assert budget.take(100)
    new.on_answered(answered(first, b"x" * 40))
    new.on_answered(answered(second))
    old.on_answered(answered(second))
    old.on_answered(answered(first, b"y" * 60))
    assert [(each.target, each.rule, each.shape, each.again) for each in pairs] == [("/0", "r", "/s", None)]
    again.on_answered(answered(second))
    assert [each.target for each in pairs] == ["/0", "/1"]
    new.on_answered(answered(third))
    old.on_not_sent(third, NotSent.LATE)
    assert pairing.not_compared == {NotCompared.NOT_SENT: 1}
    assert budget.take(100)  # all was given back


def test_a_spool_is_read_while_it_is_written_and_leaves_no_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 30)
    large = got(b"x" * (9 << 20))
    pairs = [pair(got(str(number).encode()), large) for number in range(5)]
    found: Iterator[Pair | None] = read(tmp_path)
    assert next(found) is None
    for number, each in enumerate(pairs):
        assert spool.put(each)
        spool.flush()
        assert next(item for item in found if item is not None) == pairs[number]
    assert len(list(tmp_path.iterdir())) < 3  # those before are gone
    spool.end()
    assert list(found) == []
    assert [path.name for path in tmp_path.iterdir()] == ["end"]


def test_what_there_is_no_room_for_is_not_taken_until_there_is_some(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 40 << 20)
    large = pair(got(b"x" * (17 << 20)), got())
    assert [spool.put(large) for _ in range(3)] == [True, True, False]
    found = read(tmp_path)
    assert len(list(islice(found, 2))) == 2  # the first file was read to its end
    assert spool.put(large)
    spool.end()
    assert len(list(found)) == 1


def test_the_process_that_compares_says_what_it_found(tmp_path: Path) -> None:
    (tmp_path / KINDS).write_text(json.dumps(Kinds().to_json()))
    spool = Spool(tmp_path, 1 << 30)
    for number in range(10):
        spool.put(pair(got(b'{"a":1}'), got(b'{"a":%d}' % (1 + number // 8))))
    spool.end()
    done = subprocess.run(
        [sys.executable, "-m", "replay.comparing.worker", str(tmp_path)], capture_output=True, text=True, check=True
    )
    result = json.loads(done.stdout.splitlines()[-1])["result"]
    comparison = from_json(result, "the other")
    assert (comparison.groups.compared, patterns(comparison)) == (10, {(Kind.CHANGED, "json:/a"): 2})


def test_an_answer_is_compared_with_what_was_recorded_of_the_one_then() -> None:
    digest = "a" * 64

    def planned(**more: object) -> Planned:
        values = {"status": 200, "octets": 5, "digest": digest} | more
        made = record(**values)
        return Planned(0, "", "GET", made.url, label="simple: /simple/{project}/", recorded=made)

    def now(planned: Planned, status: int = 200, octets: int = 5, digest: str = digest, **more: object) -> Answered:
        return Answered(planned, status, b"", octets, digest, b"", **more)  # type: ignore[arg-type]

    listener = AgainstRecording()
    for each in (
        now(planned()),
        now(planned(octets=None, digest=None)),  # a file by sendfile: its status alone
        now(planned(), status=404),
        now(planned(), octets=6),
        now(planned(), digest="b" * 64),
        now(planned(), failure=Failure.CLOSED),
        now(planned(status=0)),
        now(planned(whole=False)),
        now(planned(credentials=("cookie",))),
        now(Planned(0, "", "GET", "http://pypi.test/")),
    ):
        listener.on_answered(each)
    listener.on_not_sent(planned(), NotSent.LATE)
    found = listener.comparison
    assert (found.groups.compared, found.groups.different) == (6, 4)
    assert set(patterns(found)) == {
        (Kind.STATUS_CHANGED, "status/200/404"),
        (Kind.CHANGED, "content:size"),
        (Kind.CHANGED, "content:sha256"),
        (Kind.NO_ANSWER, "answer:new/broken"),
    }
    assert found.not_compared == {NotCompared.NOT_RECORDED: 3, NotCompared.CHANGED: 1, NotCompared.NOT_SENT: 1}
