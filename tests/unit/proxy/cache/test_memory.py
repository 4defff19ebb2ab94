"""Answers in a worker's memory: found, counted, replaced, purged, and gone when there is no room."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from edgeproxy.caching.keys import Key, address_digest, digest_of, path_digest, tag_digest
from edgeproxy.caching.purging import Mode, Purge, What
from edgeproxy.caching.stored import DIGEST_OCTETS, Stored, Terms
from edgeproxy.proxy.cache.memory import OVERHEAD, Copy, MemoryTier

MIB = 1 << 20
HOST = "pypi.test"
TERMS = Terms(born=1_000.0, fresh=600.0)


def key_of(path: str, query: str = "", backend: str = "old") -> Key:
    primary = digest_of(backend.encode(), HOST.encode(), path.encode(), query.encode())
    return Key(path_digest(HOST, path), address_digest(HOST, path, query), primary)


def stored_of(body: bytes = b"", *, tags: tuple[str, ...] = (), accept: str | None = None, coding: str = "") -> Stored:
    selecting = () if accept is None else (("accept", accept),)
    lines = b"content-type: text/html\r\n"
    return Stored(200, lines, TERMS, len(body), bytes(DIGEST_OCTETS), selecting, tags, coding=coding)


def put(tier: MemoryTier, path: str, body: bytes = b"page", *, query: str = "", tags: tuple[str, ...] = ()) -> Copy:
    copy = tier.put(key_of(path, query), stored_of(body, tags=tags), body)
    assert copy is not None
    return copy


def test_what_is_put_is_found_under_its_key_until_it_expires() -> None:
    tier = MemoryTier(MIB)
    copy = put(tier, "/simple/flask/")
    assert tier.of(copy.key.primary) == (copy,)
    assert tier.of(key_of("/simple/flask/", backend="new").primary) == ()
    assert (copy.body, copy.expires, copy.hits) == (b"page", 1_600.0, 0)
    assert (tier.count, tier.evictions) == (1, 0)


def test_it_costs_its_content_its_lines_and_what_is_around_them() -> None:
    tier = MemoryTier(MIB)
    put(tier, "/a", b"x" * 1_000)
    assert OVERHEAD + 1_000 + len(stored_of().lines) < tier.octets < OVERHEAD + 1_300
    tier.put(key_of("/b"), stored_of(tags=("t" * 500,), accept="a" * 500), b"")
    assert tier.octets > 2 * OVERHEAD + 1_000 + 1_000


def test_looking_it_up_makes_nothing_new() -> None:
    tier = MemoryTier(MIB)
    key = put(tier, "/a").key
    assert tier.of(key.primary) is tier.of(key.primary)


def test_what_must_be_asked_for_each_time_is_kept_and_never_given_without_a_thought() -> None:
    tier = MemoryTier(MIB)
    no_cache = tier.put(key_of("/a"), replace(stored_of(), terms=replace(TERMS, no_cache=True)), b"")
    stale = tier.put(key_of("/b"), replace(stored_of(), purged=1_100.0), b"")
    assert no_cache is not None
    assert stale is not None
    assert no_cache.expires == stale.expires == 0.0
    assert tier.count == 2


def test_variants_of_a_key_lie_beside_each_other() -> None:
    tier = MemoryTier(MIB)
    key = key_of("/simple/")
    html = tier.put(key, stored_of(accept="text/html"), b"<html>")
    json = tier.put(key, stored_of(accept="application/json"), b"{}")
    packed = tier.put(key, stored_of(accept="application/json", coding="br"), b"!")
    assert tier.of(key.primary) == (html, json, packed)


def test_a_new_answer_takes_the_place_of_the_same_variant() -> None:
    tier = MemoryTier(MIB)
    key = key_of("/simple/")
    old = tier.put(key, stored_of(accept="text/html"), b"old")
    other = tier.put(key, stored_of(accept="application/json"), b"{}")
    assert old is not None
    old.hits = 2
    new = tier.put(key, stored_of(accept="text/html"), b"new!")
    assert new is not None
    assert tier.of(key.primary) == (other, new)
    assert (old.expires, new.expires, new.hits) == (0.0, 1_600.0, 2)
    assert tier.octets == sum(copy.size for copy in tier.of(key.primary))
    assert tier.evictions == 0


def test_an_answer_larger_than_an_eighth_is_not_taken_and_what_it_replaces_is_gone() -> None:
    tier = MemoryTier(MIB)
    old = put(tier, "/a", b"small")
    large = bytes(MIB // 8)
    assert tier.put(old.key, stored_of(large), large) is None
    assert (tier.count, tier.octets, old.expires) == (0, 0, 0.0)
    assert put(tier, "/a", bytes(MIB // 10))


def test_content_of_the_largest_size_is_taken_with_a_head_that_is_small() -> None:
    tier = MemoryTier(MIB)
    assert MIB // 10 < tier.largest < MIB // 8
    body = bytes(tier.largest)
    assert tier.put(key_of("/a"), replace(stored_of(body), lines=b"x" * 3_500), body) is not None
    assert MemoryTier(0).largest == 0


def test_a_tier_without_room_takes_nothing() -> None:
    tier = MemoryTier(0)
    assert tier.put(key_of("/a"), stored_of(), b"") is None
    assert tier.of(key_of("/a").primary) == ()


def test_the_oldest_variant_goes_when_there_are_too_many_but_not_one_that_is_hit() -> None:
    tier = MemoryTier(MIB)
    key = key_of("/a")
    used = tier.put(key, stored_of(accept="used"), b"")
    oldest = tier.put(key, stored_of(accept="oldest"), b"")
    assert used is not None
    assert oldest is not None
    for number in range(100):
        used.hits = 3
        tier.put(key, stored_of(accept=f"made up {number}"), b"")
    assert len(tier.of(key.primary)) == tier.count == 32
    assert used in tier.of(key.primary)
    assert (used.expires, oldest.expires) == (1_600.0, 0.0)
    assert tier.octets == sum(copy.size for copy in tier.of(key.primary))


def test_a_copy_that_was_asked_for_anew_keeps_content_place_and_hits() -> None:
    tier = MemoryTier(MIB)
    old = put(tier, "/a", tags=("one",))
    old.hits = 3
    new = tier.replace(old, replace(old.stored, terms=Terms(2_000.0, 60.0), tags=("two",)))
    assert tier.of(old.key.primary) == (new,)
    assert (old.expires, new.expires, new.hits) == (0.0, 2_060.0, 3)
    assert new.body is old.body
    assert tier.purge(purge_of(What.TAG, tag_digest("one"))) == 0
    assert tier.purge(purge_of(What.TAG, tag_digest("two"))) == 1


def test_a_copy_may_become_another_variant() -> None:
    tier = MemoryTier(MIB)
    old = put(tier, "/a")
    old.hits = 1
    new = tier.replace(old, stored_of(b"page", accept="text/html"))
    assert tier.of(old.key.primary) == (new,)
    assert (tier.count, tier.octets, new.hits, old.expires) == (1, new.size, 1, 0.0)


@pytest.mark.parametrize("how", ["removed", "purged", "superseded", "grown"])
def test_a_copy_that_is_gone_does_not_come_back(how: str) -> None:
    """It was purged, say, while the backend was asked whether it is still right."""
    tier = MemoryTier(MIB)
    old, lines = put(tier, "/a"), b""
    match how:
        case "removed":
            tier.remove(old)
        case "purged":
            tier.purge(purge_of(What.ALL, mode=Mode.HARD))
        case "superseded":
            put(tier, "/a", b"newer")
        case "grown":
            lines = bytes(MIB // 8)
    new = tier.replace(old, replace(old.stored, lines=lines))
    assert new not in tier.of(old.key.primary)
    assert (old.expires, new.expires, new.body) == (0.0, 0.0, b"page")
    assert [copy.body for copy in tier.of(old.key.primary)] == ([b"newer"] if how == "superseded" else [])


def test_removing_twice_is_removing_once() -> None:
    tier = MemoryTier(MIB)
    copy, other = put(tier, "/a"), put(tier, "/b")
    tier.remove(copy)
    tier.remove(copy)
    assert (tier.count, tier.octets, copy.expires) == (1, other.size, 0.0)
    newer = put(tier, "/a")
    tier.remove(copy)
    assert tier.of(copy.key.primary) == (newer,)


def purge_of(what: What, digest: bytes = b"", *, mode: Mode = Mode.SOFT, at: float = 1_200.0) -> Purge:
    return Purge(what, mode, digest, at)


PURGES = [
    (purge_of(What.PATH, path_digest(HOST, "/a")), {"/a", "/a?x", "/a?y"}),
    (purge_of(What.ADDRESS, address_digest(HOST, "/a", "x")), {"/a?x"}),
    (purge_of(What.ADDRESS, address_digest(HOST, "/a", "")), {"/a"}),
    (purge_of(What.TAG, tag_digest("t")), {"/a?y", "/b"}),
    (purge_of(What.TAG, tag_digest("none")), set()),
    (purge_of(What.ALL), {"/a", "/a?x", "/a?y", "/b"}),
]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(("purge", "taken"), PURGES)
def test_a_purge_takes_what_it_names(purge: Purge, taken: set[str], mode: Mode) -> None:
    tier = MemoryTier(MIB)
    copies = {
        "/a": put(tier, "/a"),
        "/a?x": put(tier, "/a", query="x"),
        "/a?y": put(tier, "/a", query="y", tags=("t", "u")),
        "/b": put(tier, "/b", tags=("u", "t")),
    }
    assert tier.purge(replace(purge, mode=mode)) == len(taken)
    for url, copy in copies.items():
        assert copy.expires == (0.0 if url in taken else 1_600.0)
        assert copy.stored.purged == (1_200.0 if url in taken and mode is Mode.SOFT else None)
        assert tier.of(copy.key.primary) == (() if url in taken and mode is Mode.HARD else (copy,))


def test_a_second_soft_purge_does_not_make_it_any_fresher() -> None:
    tier = MemoryTier(MIB)
    copy = put(tier, "/a")
    tier.purge(purge_of(What.ALL, at=1_100.0))
    tier.purge(purge_of(What.ALL, at=1_200.0))
    assert copy.stored.purged == 1_100.0


def test_what_passes_through_leaves_what_is_hit() -> None:
    tier = MemoryTier(MIB)
    hot = [put(tier, f"/hot/{number}") for number in range(20)]
    for copy in hot:
        copy.hits = 2
    passing = [put(tier, f"/scan/{number}", bytes(2_000)) for number in range(3_000)]
    assert all(tier.of(copy.key.primary) == (copy,) for copy in hot)
    assert tier.evictions == sum(copy.expires == 0.0 for copy in passing) > 2_000


class Keeping(RuleBasedStateMachine):
    """Whatever is done with a tier, what is said about it is true."""

    copies = Bundle("copies")

    def __init__(self) -> None:
        super().__init__()
        self.tier = MemoryTier(20 * OVERHEAD)
        self.seen: list[Copy] = []

    @rule(
        target=copies,
        path=st.sampled_from("abcdef"),
        query=st.sampled_from(["", "x"]),
        accept=st.sampled_from([None, "html", "json"]),
        tags=st.sets(st.sampled_from("rst")),
        size=st.integers(0, 3 * OVERHEAD),
    )
    def put(self, path: str, query: str, accept: str | None, tags: set[str], size: int) -> Copy | None:
        stored = stored_of(bytes(size), tags=tuple(tags), accept=accept)
        return self.note(self.tier.put(key_of(path, query), stored, bytes(size)))

    @rule(target=copies, copy=copies, tags=st.sets(st.sampled_from("rst")), fresh=st.floats(1.0, 900.0))
    def replace(self, copy: Copy | None, tags: set[str], fresh: float) -> Copy | None:
        if copy is None:
            return None
        return self.note(self.tier.replace(copy, replace(copy.stored, tags=tuple(tags), terms=Terms(2_000.0, fresh))))

    @rule(copy=copies)
    def hit(self, copy: Copy | None) -> None:
        if copy is not None:
            copy.note_hit()

    @rule(copy=copies)
    def remove(self, copy: Copy | None) -> None:
        if copy is not None:
            self.tier.remove(copy)

    @precondition(lambda self: self.seen)
    @rule(tag=st.sampled_from("rst"), mode=st.sampled_from(Mode))
    def purge_tag(self, tag: str, mode: Mode) -> None:
        kept = self.kept()
        taken = [copy for copy in kept if tag in copy.stored.tags]
        assert self.tier.purge(Purge(What.TAG, mode, tag_digest(tag), 1_500.0)) == len(taken)
        assert all(copy.expires == 0.0 for copy in taken)
        assert self.kept() == (kept if mode is Mode.SOFT else [copy for copy in kept if copy not in taken])

    @rule(path=st.sampled_from("abcdef"), mode=st.sampled_from(Mode))
    def purge_path(self, path: str, mode: Mode) -> None:
        taken = [copy for copy in self.kept() if copy.key.path == path_digest(HOST, path)]
        assert self.tier.purge(Purge(What.PATH, mode, path_digest(HOST, path), 1_500.0)) == len(taken)
        assert all(copy.expires == 0.0 for copy in taken)

    @rule()
    def purge_all(self) -> None:
        kept = len(self.kept())
        assert self.tier.purge(Purge(What.ALL, Mode.HARD)) == kept
        assert (self.tier.count, self.tier.octets) == (0, 0)

    def note(self, copy: Copy | None) -> Copy | None:
        if copy is not None:
            self.seen.append(copy)
        return copy

    def kept(self) -> list[Copy]:
        return [copy for copy in self.seen if copy in self.tier.of(copy.key.primary)]

    @invariant()
    def it_keeps_to_its_limit_and_counts_right(self) -> None:
        kept = self.kept()
        assert self.tier.octets == sum(copy.size for copy in kept) <= self.tier.limit
        assert self.tier.count == len(kept)

    @invariant()
    def what_is_gone_or_purged_is_over(self) -> None:
        for copy in self.seen:
            is_over = copy not in self.tier.of(copy.key.primary) or copy.stored.purged is not None
            assert copy.expires == (0.0 if is_over else copy.stored.terms.expires)


TestKeeping = Keeping.TestCase
TestKeeping.settings = settings(max_examples=50)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 20_000)), max_size=400))
def test_it_never_keeps_more_than_its_limit(puts: list[tuple[int, int]]) -> None:
    tier = MemoryTier(100_000)
    for number, size in puts:
        body = bytes(size)
        tier.put(key_of(f"/{number}"), stored_of(body), body)
        assert tier.octets <= 100_000
