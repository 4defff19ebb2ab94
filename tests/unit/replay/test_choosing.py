"""Which recorded requests are sent again, and as what."""

from __future__ import annotations

from pathlib import Path

import pytest
from captures import record

from edgeproxy.capture.safety import SafetyClass
from edgeproxy.ruleset.load import parse_ruleset
from replay.planned import Planned
from replay.schedule.choosing import MEANINGS, ByRules, Refused, as_recorded, choose, trusting
from replay.schedule.rewriting import Rewriting, may_be_set

RULES = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
backends: {legacy: {url: "http://127.0.0.1:8081"}}
rules:
  - {name: purges, match: {host: app, path: "/pypi", query: {":action": purge}}, safety: unsafe, forward: {backend: legacy}}
  - {name: actions, match: {host: app, path: "/pypi", methods: [GET]}, forward: {backend: legacy}}
  - name: calls
    match: {host: app, path: "/pypi", methods: [POST], xmlrpc: [package_releases]}
    safety: safe
    forward: {backend: legacy}
  - {name: posts, match: {host: app, path: "/pypi", methods: [POST]}, forward: {backend: legacy}}
  - {name: simple, match: {host: app, path: "/simple/{project}/"}, forward: {backend: legacy}}
"""
CALL = "<?xml version='1.0'?><methodCall><methodName>package_releases</methodName></methodCall>"
PLAIN = Rewriting()
BY_RULES = ByRules(parse_ruleset(RULES, "rules.yaml", base=Path.cwd()))


def chosen(rewriting: Rewriting = PLAIN, **more: object) -> Planned | Refused:
    """By an edge of one's own."""
    return choose(record(**more), trusting, rewriting)  # type: ignore[arg-type]


def planned(rewriting: Rewriting = PLAIN, **more: object) -> Planned:
    found = chosen(rewriting, **more)
    assert isinstance(found, Planned), found
    return found


def test_a_host_that_tls_cannot_ask_for_is_refused_for_a_target_that_speaks_it() -> None:
    odd = record(url="https://a..b/simple/six/")
    assert isinstance(choose(odd, as_recorded, PLAIN), Planned)
    assert choose(odd, as_recorded, PLAIN, by_tls=True) is Refused.UNSENDABLE


def by_rules(**more: object) -> Planned | Refused:
    values: dict[str, object] = {"safety": SafetyClass.UNKNOWN, "rule": None, "shape": None, "headers": {}}
    return choose(record(**(values | more)), BY_RULES, PLAIN)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"safety": SafetyClass.UNSAFE}, Refused.UNSAFE),
        ({"safety": SafetyClass.UNKNOWN}, Refused.UNKNOWN),
        ({"method": "CONNECT"}, Refused.METHOD),
        ({"method": "PURGE"}, Refused.METHOD),
        ({"method": "CoNNECT"}, Refused.METHOD),
        ({"method": "purge"}, Refused.METHOD),
        ({"status": 101}, Refused.UPGRADE),
        ({"url": "https://pypi.test/confirm/[hidden]/"}, Refused.SECRET),
        ({"url": "https://pypi.test/?token=[hidden]"}, Refused.SECRET),
        ({"method": "POST", "body": "key=[hidden]"}, Refused.SECRET),
        ({"headers": {"if-none-match": '"[hidden]"'}}, Refused.SECRET),
        ({"credentials": ("cookie",)}, Refused.CREDENTIALS),
        ({"method": "POST", "sent": 12}, Refused.BODY),
        ({"method": "POST"}, Refused.BODY),
        ({"sent": 12}, Refused.BODY),
        ({"url": "https://pypi.test/\x7f"}, Refused.UNSENDABLE),
        ({"headers": {"accept": "a\r\nevil: 1"}}, Refused.UNSENDABLE),
        ({"headers": {"accept\r\nevil": "1"}}, Refused.UNSENDABLE),
    ],
)
def test_what_is_not_sent_again_is_refused_for_one_reason(more: dict[str, object], why: Refused) -> None:
    assert chosen(**more) is why


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "MKCOL", "get"])
def test_that_a_write_is_safe_is_not_believed_of_a_file_alone(method: str) -> None:
    said = record(method=method, url="http://pypi.test/legacy/?:action=file_upload", body="{}", sent=2)
    assert choose(said, as_recorded, PLAIN) is Refused.UNTRUSTED
    assert isinstance(choose(said, trusting, PLAIN), Planned)
    assert choose(said, BY_RULES, PLAIN) is Refused.UNKNOWN


def test_a_read_by_its_method_is_believed() -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        assert isinstance(choose(record(method=method), as_recorded, PLAIN), Planned)


def test_each_reason_has_its_words() -> None:
    assert set(MEANINGS) == set(Refused)


def test_what_is_safe_is_planned_as_it_was() -> None:
    found = planned(headers={"user-agent": "pip/26.3", "if-none-match": '"a"', "range": "bytes=-8"}, sent=0)
    assert (found.method, found.url) == ("GET", "https://pypi.test/simple/p0/")
    assert found.headers == (("user-agent", "pip/26.3"), ("if-none-match", '"a"'), ("range", "bytes=-8"))
    assert (found.lane, found.label, found.body, found.recorded) == ("1-0", "simple: /simple/{project}/", b"", None)


def test_a_post_that_was_declared_safe_goes_with_its_body() -> None:
    assert planned(method="POST", body=CALL, sent=len(CALL)).body == CALL.encode()
    assert planned(method="POST", sent=0).body == b""


def test_nothing_goes_along_that_makes_another_request_of_it() -> None:
    headers = {"authorization": "x", "cookie": "x", "backend-fault": "missing", "edge-arm": "x", "te": "trailers"}
    headers |= {"x-http-method-override": "DELETE", "x-http-method": "DELETE", "expect": "100-continue"}
    assert planned(headers={**headers, "accept": "*/*"}).headers == (("accept", "*/*"),)
    assert not may_be_set("X-HTTP-Method-Override")
    assert not may_be_set("x_http_method_override")
    assert may_be_set("Authorization")


def test_two_targets_are_asked_for_the_whole() -> None:
    headers = {"accept": "*/*", "if-none-match": '"a"', "if-modified-since": "x", "range": "bytes=0-1", "if-range": "x"}
    assert planned(Rewriting(whole=True), headers=headers).headers == (("accept", "*/*"),)


def test_hosts_are_mapped_and_those_that_are_not_named_are_refused() -> None:
    index = Rewriting(hosts={"pypi.test": "new.pypi.test"})
    assert planned(index, url="http://PYPI.test:8080/a?b").url == "http://new.pypi.test/a?b"
    assert chosen(index, url="https://files.pypihosted.test/packages/x") is Refused.HOST
    assert planned(Rewriting(hosts={"pypi.test": ""})).url == "https://pypi.test/simple/p0/"
    others = Rewriting(hosts={"pypi.test": "", "*": "other.test"})
    assert planned(others, url="https://files.pypihosted.test/x").url == "https://other.test/x"
    assert planned(Rewriting(host="127.0.0.1:8081")).url == "https://127.0.0.1:8081/simple/p0/"


def test_headers_are_set_and_left_out() -> None:
    rewriting = Rewriting(headers=(("User-Agent", "replay"),), removed=frozenset(("accept",)), forwarded=True)
    found = planned(rewriting, headers={"user-agent": "pip", "accept": "*/*", "dnt": "1"})
    assert found.headers == (
        ("dnt", "1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-For", "192.0.2.0"),
        ("User-Agent", "replay"),
    )


def test_credentials_may_be_left_out_where_that_is_wanted() -> None:
    found = choose(record(credentials=("cookie",)), as_recorded, PLAIN, without_credentials=True)
    assert isinstance(found, Planned)


def test_rules_say_anew_what_is_safe() -> None:
    assert isinstance(by_rules(url="http://pypi.test/simple/six/"), Planned)
    assert isinstance(by_rules(url="http://pypi.test/pypi?:action=display&name=six"), Planned)
    assert by_rules(url="http://pypi.test/pypi?:action=purge&project=six") is Refused.UNSAFE
    assert by_rules(url="http://pypi.test/elsewhere") is Refused.UNKNOWN
    assert by_rules(url="http://other.test/simple/six/") is Refused.UNKNOWN
    assert by_rules(url="http://pypi.test/%zz") is Refused.UNKNOWN
    assert by_rules(method="POST", url="http://pypi.test/simple/six/") is Refused.UNSAFE


def test_a_call_is_read_where_nobody_asked_when_it_was_recorded() -> None:
    call = {"method": "POST", "url": "http://pypi.test/pypi", "headers": {"content-type": "text/xml"}, "body": CALL}
    assert isinstance(by_rules(**call), Planned)
    assert by_rules(**call | {"body": CALL.replace("package_releases", "add_release")}) is Refused.UNSAFE
    twice = CALL.replace("</methodCall>", "<methodName>add_release</methodName></methodCall>")
    assert by_rules(**call | {"body": twice}) is Refused.UNSAFE
    assert by_rules(**call | {"body": None, "xmlrpc": "package_releases", "sent": 9}) is Refused.BODY


def test_the_shape_is_that_of_the_rules_template() -> None:
    found = by_rules(url="http://pypi.test/simple/six/")
    assert isinstance(found, Planned)
    assert found.label == "simple: /simple/{project}/"
