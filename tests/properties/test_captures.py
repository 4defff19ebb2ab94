"""Captures hold what was recorded, survive whatever happens to their files, and hold no secret."""

from __future__ import annotations

import io
import json
from typing import Final
from urllib.parse import quote

from captures import SECRETS, found_in, packed, record
from hypothesis import given
from hypothesis import strategies as st

from edgeproxy.capture.blocks import Broken, read_blocks
from edgeproxy.capture.record import Captured
from edgeproxy.capture.requests import request_words
from edgeproxy.capture.safety import SafetyClass
from edgeproxy.capture.scanning import secrets_of
from edgeproxy.capture.scrubbing import kept_headers, kept_url, kept_value
from edgeproxy.migration.comparing.targets import kept_target

TEXTS: Final = st.text(max_size=30)
SOME: Final = st.none() | TEXTS
URLS: Final = st.from_regex(r"https?://[a-z.]{1,20}(?:/[a-z0-9%?=&.\-]{0,40})?", fullmatch=True)
RECORDS: Final = st.builds(
    Captured,
    time=st.integers(0, 4_000_000_000_000_000).map(lambda micro: micro / 1_000_000),
    method=st.sampled_from(["GET", "HEAD", "POST", "PURGE"]),
    url=URLS,
    headers=st.dictionaries(st.from_regex(r"[a-z-]{1,10}", fullmatch=True), TEXTS, max_size=4),
    credentials=st.lists(TEXTS, max_size=3).map(tuple),
    connection=SOME,
    client=SOME,
    xmlrpc=SOME,
    sent=st.none() | st.integers(0, 1 << 40),
    safety=st.sampled_from(SafetyClass),
    rule=SOME,
    shape=SOME,
    arm=SOME,
    backend=SOME,
    fallback=SOME,
    cache=SOME,
    why=SOME,
    status=st.none() | st.integers(0, 999),
    whole=st.none() | st.booleans(),
    octets=st.none() | st.integers(0, 1 << 40),
    digest=st.none() | st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    head_ms=st.none() | st.integers(0, 10**12).map(lambda micro: micro / 1_000),
    ms=st.none() | st.integers(0, 10**12).map(lambda micro: micro / 1_000),
    count=st.integers(1, 1 << 40),
)


@given(st.lists(RECORDS, max_size=12))
def test_what_is_recorded_is_read_back(records: list[Captured]) -> None:
    assert found_in(packed(records)) == (records, [], [])


@given(st.binary(max_size=400), st.lists(st.binary(max_size=60), min_size=2, max_size=4))
def test_any_octets_can_be_read_and_each_is_accounted_for(garbage: bytes, between: list[bytes]) -> None:
    blocks = [packed([record(number)]) for number in range(len(between))]
    file = garbage + b"".join(block + each for block, each in zip(blocks, between, strict=True))
    found = list(read_blocks(io.BytesIO(file)))
    broken = sum(each.octets for each in found if isinstance(each, Broken))
    assert sum(not isinstance(each, Broken) for each in found) == len(blocks)
    assert broken + sum(map(len, blocks)) == len(file)


@given(st.data())
def test_octets_that_change_never_change_a_record(data: st.DataObject) -> None:
    """A record that is read is one that was written."""
    written = [record(number) for number in range(6)]
    file = bytearray(packed(written[:3]) + packed(written[3:]))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(file) - 1))
        kind = data.draw(st.sampled_from(["set", "cut", "insert"]))
        if kind == "set":
            file[at] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del file[at : at + data.draw(st.integers(1, 40))]
        else:
            file[at:at] = data.draw(st.binary(max_size=40))
        if not file:
            return
    assert set(map(repr, found_in(bytes(file))[0])) <= set(map(repr, written))


# -- secrets --------------------------------------------------------------------------------------------------------

NAMES: Final = st.sampled_from(["token", "access_token", "api_key", "sig", "password", "X-Amz-Signature", "session"])
WORDS: Final = st.from_regex(r"[a-z0-9.~-]{0,12}", fullmatch=True)


def escaped(text: str, mask: int) -> str:
    """Some of its characters as escapes."""
    return "".join(f"%{ord(each):02X}" if mask >> (at % 24) & 1 else quote(each) for at, each in enumerate(text))


@st.composite
def planted(draw: st.DrawFn) -> tuple[str, dict[str, str], str]:
    """A secret, in a URL or a header that says so, or is one by its looks."""
    named, looks = SECRETS, tuple(each for each in SECRETS if each != "hunter2-and-more" and not each.endswith("=="))
    before, after, name = draw(WORDS), draw(WORDS), draw(NAMES)
    mask = draw(st.sampled_from([0, 0, 0xFFFFFF, draw(st.integers(0, 0xFFFFFF))]))
    secret, headers = draw(st.sampled_from(named)), dict[str, str]()
    target = f"/{before}/{after}"
    match draw(
        st.sampled_from(["query", "semicolon", "look", "path", "userinfo", "header", "agent", "referer", "basic"])
    ):
        case "query":
            target += f"?a={after}&{escaped(name, mask)}={escaped(secret, mask)}"
        case "semicolon":
            target += f"?a={after};{name}={escaped(secret, mask)}"
        case "look":
            secret = draw(st.sampled_from(looks))
            target += f"?q={escaped(secret, mask)}"
        case "path":
            secret = draw(st.sampled_from(looks))
            target = f"/{before}/{escaped(secret, mask)}/{after}"
        case "userinfo":
            return f"http://{escaped(secret, mask)}:{escaped(secret, mask)}@pypi.test{target}", headers, secret
        case "header":
            headers[draw(st.sampled_from(["authorization", "cookie", "proxy-authorization", "x-api-key", "x-a"]))] = (
                secret
            )
        case "agent":
            secret = draw(st.sampled_from(looks))
            headers["user-agent"] = f"mine/1 ({secret}) {name}={secret}"
        case "referer":
            headers["referer"] = f"https://{quote(secret)}:x@pypi.test{target}?{name}={escaped(secret, mask)}"
        case "basic":
            headers["user-agent"] = f"Basic {secret}"
    return f"http://pypi.test{target}", headers, secret


@given(planted(), st.sampled_from(["GET", "POST"]))
def test_a_planted_secret_is_in_no_octet_of_a_record(plant: tuple[str, dict[str, str], str], method: str) -> None:
    url, headers, secret = plant
    words = request_words(method, url, headers, "192.0.2.7")
    text = json.dumps(words)
    assert secret not in text
    assert quote(secret, safe="") not in text
    assert list(secrets_of(words)) == []


@given(st.from_regex(r"/[!-~]{0,60}", fullmatch=True), st.text(max_size=60))
def test_what_was_scrubbed_stays_as_it_is(target: str, value: str) -> None:
    kept = kept_target(target)
    assert kept_target(kept) == kept
    for name in ("user-agent", "referer"):
        once = kept_value(name, value)
        assert kept_value(name, once) == once


@given(st.from_regex(r"/[!-~]{0,60}", fullmatch=True), st.from_regex(r"[ -~]{0,60}", fullmatch=True))
def test_the_second_look_finds_nothing_in_what_was_scrubbed(target: str, agent: str) -> None:
    words = {"url": kept_url("http", "pypi.test", target), "headers": kept_headers({"user-agent": agent})}
    assert list(secrets_of(words)) == []
