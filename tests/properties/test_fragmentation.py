"""Where the network cuts a stream of octets changes nothing: neither what is asked, nor what is answered or refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from fuzz.mutate import answer_seeds, joined, pieces_of, request_seeds
from harness import DEFAULT_LIMITS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_network import MemoryEdge
from strict_peers import Origin, Request, Response, read_answers

REQUESTS, ANSWERS = request_seeds(), answer_seeds()
METHODS = (b"GET", b"HEAD", b"POST", b"GET")
LIMITS = replace(DEFAULT_LIMITS, pool_size=0)  # a connection for each request: no example inherits another's
RANDOMS = st.randoms(use_true_random=False)
MANY = settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
# A refusal's status is the same; its text may name another of several reasons.
_REFUSAL = re.compile(rb"HTTP/1\.1 (4..|5..) [^\r]*\r\nServer: edgeproxy\r\n.*Connection: close\r\n.*\Z", re.DOTALL)
_DATE = re.compile(rb"\r\nDate: [^\r]*")


@pytest.fixture(scope="module")
def edge() -> Iterator[MemoryEdge]:
    with MemoryEdge(limits=LIMITS) as edge:
        yield edge


def asked(edge: MemoryEdge, pieces: list[bytes]) -> tuple[list[Request], bytes, bool]:
    """The requests that the backend saw, what the client got, and whether the edge closed."""
    origin = Origin()
    edge.loop.connect = origin.connect
    client = edge.exchange(pieces)
    assert origin.errors == []
    return origin.requests, _REFUSAL.sub(rb"\1", _DATE.sub(b"", client.octets)), client.is_ended


@MANY
@given(RANDOMS)
def test_a_client_is_answered_the_same_however_its_octets_are_cut(edge: MemoryEdge, random: Random) -> None:
    octets = joined(random, REQUESTS)
    assert asked(edge, pieces_of(random, octets)) == asked(edge, [octets])


def answered(edge: MemoryEdge, method: bytes, pieces: list[bytes]) -> list[Response]:
    """What a client gets of a backend's octets, read by h11."""
    origin = Origin(answers=lambda request: [piece for piece in pieces if piece] + [b""])
    edge.loop.connect = origin.connect
    client = edge.exchange([method + b" / HTTP/1.1\r\nHost: pypi.test\r\n\r\n"])
    answers = read_answers(client.octets, [method], is_ended=client.is_ended)
    assert answers
    for answer in answers:
        assert not [
            name for name, _ in answer.fields if name.lower() in (b"keep-alive", b"upgrade", b"proxy-connection")
        ]
    return [
        replace(answer, fields=tuple(field for field in answer.fields if field[0] != b"Date")) for answer in answers
    ]


@MANY
@given(RANDOMS, st.sampled_from(METHODS))
def test_a_backend_is_understood_the_same_however_its_octets_are_cut(
    edge: MemoryEdge, random: Random, method: bytes
) -> None:
    octets = joined(random, ANSWERS)
    cut, whole = answered(edge, method, pieces_of(random, octets)), answered(edge, method, [octets])
    if not whole[-1].is_whole:  # how much of a broken answer comes through is the cuts' to say
        cut[-1], whole[-1] = replace(cut[-1], body=b""), replace(whole[-1], body=b"")
    assert cut == whole
