"""What goes first, by stories and beside a plain model of S3-FIFO."""

from __future__ import annotations

from collections import deque

from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgeproxy.caching.eviction import MOST_HITS, Entry, S3Fifo


class Cache:
    """Asks as a cache does: what is not there is brought in."""

    def __init__(self, limit: int) -> None:
        self.queue: S3Fifo[Entry] = S3Fifo(limit)
        self.there: dict[int, Entry] = {}

    def ask(self, name: int, size: int = 1) -> bool:
        entry = self.there.get(name)
        if entry is not None:
            entry.note_hit()
            return True
        self.bring(name, size)
        return False

    def bring(self, name: int, size: int) -> None:
        entry = self.there[name] = Entry(name, size)
        for gone in self.queue.insert(entry):
            if self.there.get(int(str(gone.name))) is gone:
                del self.there[int(str(gone.name))]

    def remove(self, name: int) -> None:
        entry = self.there.pop(name, None)
        if entry is not None:
            self.queue.remove(entry)


class Model:
    """S3-FIFO as its authors write it down (SOSP '23, algorithm 1), with lists that are searched."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.small: deque[tuple[int, int]] = deque()  # name, size
        self.main: deque[tuple[int, int]] = deque()
        self.ghost: deque[tuple[int, int]] = deque()
        self.frequency: dict[int, int] = {}

    def ask(self, name: int, size: int) -> bool:
        if name in self.frequency:
            self.frequency[name] = min(self.frequency[name] + 1, 3)
            return True
        if size > self.limit // 8:
            return False
        while total(self.small) + total(self.main) + size > self.limit:
            self.evict()
        if remembered := [one for one in self.ghost if one[0] == name]:
            self.ghost.remove(remembered[0])
            self.main.append((name, size))
        else:
            self.small.append((name, size))
        self.frequency[name] = 0
        return False

    def evict(self) -> None:
        if self.small and (not self.main or total(self.small) >= self.limit // 10):
            one = self.small.popleft()
            if self.frequency[one[0]] > 1:
                self.frequency[one[0]] = 0
                self.main.append(one)
                return
            self.ghost.append(one)
        else:
            one = self.main.popleft()
            if self.frequency[one[0]] > 0:
                self.frequency[one[0]] -= 1
                self.main.append(one)
                return
        del self.frequency[one[0]]
        self.trim()

    def remove(self, name: int) -> None:
        self.frequency.pop(name, None)
        self.small = deque(one for one in self.small if one[0] != name)
        self.main = deque(one for one in self.main if one[0] != name)
        self.trim()

    def trim(self) -> None:
        while total(self.ghost) > self.limit - self.limit // 10 or len(self.ghost) > len(self.frequency):
            self.ghost.popleft()


def total(queue: deque[tuple[int, int]]) -> int:
    return sum(size for _, size in queue)


NAMES = st.integers(0, 30)
CALLS = st.lists(st.tuples(st.sampled_from(["ask", "ask", "ask", "remove"]), NAMES), max_size=400)
SIZES = st.lists(st.integers(1, 9), min_size=31, max_size=31)


@given(limit=st.integers(0, 120), calls=CALLS, sizes=SIZES)
@settings(max_examples=300)
@example(limit=0, calls=[("ask", 0)], sizes=[1] * 31)
def test_it_does_what_the_model_does(limit: int, calls: list[tuple[str, int]], sizes: list[int]) -> None:
    cache, model = Cache(limit), Model(limit)
    for call, name in calls:
        if call == "remove":
            cache.remove(name)
            model.remove(name)
        else:
            assert cache.ask(name, sizes[name]) == model.ask(name, sizes[name])
        assert set(cache.there) == set(model.frequency)
        assert cache.queue.octets == total(model.small) + total(model.main) <= limit
        assert len(cache.queue) == len(cache.there)
        assert all(name in cache.queue for name in cache.there)


@given(limit=st.integers(8, 200), puts=st.lists(st.tuples(NAMES, st.integers(0, 30)), max_size=300))
def test_another_size_under_the_same_name_keeps_the_count_right(limit: int, puts: list[tuple[int, int]]) -> None:
    """The same names come again and again, with other sizes, also such that are too large."""
    cache = Cache(limit)
    for name, size in puts:
        if not cache.queue.takes(size):
            cache.remove(name)
        cache.bring(name, size)
        assert cache.queue.octets == sum(entry.size for entry in cache.there.values()) <= limit
        assert len(cache.queue) == len(cache.there)
        assert (name in cache.there) == (size <= limit // 8)


@given(hot=st.integers(1, 80), scan=st.integers(0, 2_000), again=st.integers(2, 5))
def test_a_scan_does_not_drive_out_what_is_hit(hot: int, scan: int, again: int) -> None:
    cache = Cache(100)
    for _ in range(again + 1):
        for name in range(hot):
            cache.ask(name)
    for name in range(1_000, 1_000 + scan):
        cache.ask(name)
    assert all(name in cache.there for name in range(hot))


def test_least_recently_used_would_have_driven_it_out() -> None:
    """The scan of the test above is longer than the cache is large: nothing of it is left but its own end."""
    cache = Cache(100)
    for name in [*range(50), *range(50), *range(50), *range(1_000, 3_000)]:
        cache.ask(name)
    assert sorted(cache.there) == [*range(50), *range(2_950, 3_000)]


def test_what_comes_back_soon_is_kept() -> None:
    cache = Cache(100)
    for name in range(101):
        cache.ask(name)
    assert 0 not in cache.there
    cache.ask(0)
    for name in range(1_000, 3_000):
        cache.ask(name)
    assert 0 in cache.there


def test_what_is_removed_is_not_remembered() -> None:
    cache = Cache(100)
    for name in range(100):
        cache.ask(name)
    cache.remove(0)
    cache.ask(0)
    for name in range(1_000, 3_000):
        cache.ask(name)
    assert 0 not in cache.there


def test_an_entry_that_is_too_large_goes_itself() -> None:
    queue: S3Fifo[Entry] = S3Fifo(80)
    small, large = Entry("small", 10), Entry("large", 11)
    assert queue.insert(small) == []
    assert queue.insert(large) == [large]
    assert "small" in queue
    assert "large" not in queue


def test_the_new_one_of_a_name_takes_over_place_and_hits() -> None:
    queue: S3Fifo[Entry] = S3Fifo(80)
    old, other = Entry("a", 2), Entry("b", 2)
    queue.insert(old)
    queue.insert(other)
    for _ in range(5):
        old.note_hit()
    new = Entry("a", 7)
    assert queue.insert(new) == []
    assert (new.hits, queue.octets, len(queue)) == (MOST_HITS, 9, 2)


def test_one_insertion_does_not_wait_for_all_that_was_hit() -> None:
    """All of 50,000 entries were hit as often as is counted: three ways through all of them is not for one caller."""
    cache = Cache(50_000)
    for _ in range(4):
        for name in range(50_000):
            cache.ask(name)
    assert not cache.ask(50_000)
    assert sum(entry.hits < MOST_HITS for entry in cache.there.values()) <= 1_002
    assert len(cache.there) == 50_000
