"""The pairs of a `redirect: {map: ...}`: from a path to its target, in little memory and found in one look-up.

Laws of this module:
- a path leads to one target, and what is looked up is a normalised path;
- a pair costs its own octets and 16 more (a million of them: 16 MB), not two objects and a place in a dict (300 MB);
- what one process has read, another has by its text, unread and unchecked (pickle): hashes are those of a process.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import Final

_NO_PAIR: Final = -1  # a line without one; no object has this hash (object.__hash__: CPython keeps it for errors)
_DIGEST_OCTETS: Final = 32
_BATCH: Final = 1 << 14  # octets


class Pairs:
    """Pairs as they are read, line by line: each line is `path target`, or nothing where there is no pair."""

    __slots__ = ("_hashes", "starts", "text")

    def __init__(self) -> None:
        self.text = bytearray()
        self.starts = array("Q")  # of each line, in the text
        self._hashes = array("q")  # of each line's path

    def __len__(self) -> int:
        return len(self._hashes) - self._hashes.count(_NO_PAIR)

    def add(self, path: bytes, target: bytes) -> None:
        line = b"%b %b\n" % (path, target)
        self.add_lines([path], line, [len(line)])

    def skip(self) -> None:
        """A line without a pair."""
        self._hashes.append(_NO_PAIR)
        self.starts.append(len(self.text))
        self.text += b"\n"

    def add_lines(self, paths: Sequence[bytes], text: bytes, lengths: Sequence[int]) -> None:
        """Lines of `path target`, each with its line feed, and how long each is."""
        self._hashes.extend(map(hash, paths))
        self.starts.extend(accumulate(lengths[:-1], initial=len(self.text)))
        self.text += text

    @classmethod
    def of_text(cls, text: bytearray) -> Pairs:
        """The same pairs again, from what their `text` is; it is not copied."""
        pairs, start = cls(), 0
        pairs.text = text
        while start < len(text):
            end = max(text.rfind(b"\n", start, start + _BATCH), text.index(b"\n", start)) + 1
            lines = text[start : end - 1].split(b"\n")
            pairs.starts.extend(accumulate((len(line) + 1 for line in lines[:-1]), initial=start))
            paths = [bytes(line[: line.find(b" ")]) for line in lines]  # of a line without a pair: nothing
            pairs._hashes.extend([hash(path) if path else _NO_PAIR for path in paths])
            start = end
        return pairs

    def index(self, twice: Callable[[int, int], None]) -> array[int]:
        """An open-addressing table of line numbers, half of it empty. `twice` is told the number of each line whose
        path an earlier line has, and that line's number.
        """
        hashes, size = self._hashes, 2 * len(self) + 1
        table = array("I", bytes(size * array("I").itemsize))
        for line, own in enumerate(hashes, 1):
            if own == _NO_PAIR:
                continue
            slot = own % size
            while other := table[slot]:
                if hashes[other - 1] == own and self._path(other) == self._path(line):
                    twice(line, other)
                    break
                slot = (slot + 1) % size
            else:
                table[slot] = line
        return table

    def _path(self, line: int) -> bytes:
        start = self.starts[line - 1]
        return bytes(self.text[start : self.text.index(b" ", start)])


def _never_twice(line: int, first: int) -> None:
    raise ValueError(f"the path of line {line} is that of line {first}")


class Moves:
    """A file's pairs, immutable once read."""

    __slots__ = ("_size", "_starts", "_table", "_text", "digest", "file")

    def __init__(
        self, file: Path, pairs: Mapping[str, str] | Pairs, twice: Callable[[int, int], None] = _never_twice
    ) -> None:
        """`pairs` are of normalised paths; from a mapping, each has a line of its own. `twice`: see Pairs.index."""
        read = pairs if isinstance(pairs, Pairs) else _pairs_of(pairs)
        self.file = file
        self._text, self._starts = read.text, read.starts
        self._table = read.index(twice)
        self._size = len(read)
        self.digest = blake2b(self._text, digest_size=_DIGEST_OCTETS).hexdigest()

    def __reduce__(self) -> tuple[Callable[[Path, bytearray], Moves], tuple[Path, bytearray]]:
        return _again, (self.file, self._text)

    def target(self, path: str) -> str | None:
        """Where a normalised path leads: an absolute URL or path."""
        line = self._find(path)
        if not line:
            return None
        text = self._text
        start = self._starts[line - 1] + len(path) + 1  # a normalised path is ASCII
        return text[start : text.index(b"\n", start)].decode()

    def line_of(self, path: str) -> int | None:
        """The line of the file that says where a normalised path leads; lines count from 1."""
        return self._find(path) or None

    def pairs(self) -> Iterator[tuple[str, str]]:
        """In file order."""
        for start in self._starts:
            end = self._text.index(b"\n", start)
            if end > start:
                path, _, target = self._text[start:end].decode().partition(" ")
                yield path, target

    def __len__(self) -> int:
        return self._size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moves) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def _find(self, path: str) -> int:
        """The number of the line with this path, or 0."""
        octets = path.encode()
        record = octets + b" "
        table, starts, holds = self._table, self._starts, self._text.startswith
        slot = hash(octets) % len(table)
        while line := table[slot]:
            if holds(record, starts[line - 1]):
                return line
            slot = (slot + 1) % len(table)
        return 0


def _again(file: Path, text: bytearray) -> Moves:
    return Moves(file, Pairs.of_text(text))


def _pairs_of(targets: Mapping[str, str]) -> Pairs:
    pairs = Pairs()
    for path, target in targets.items():
        pairs.add(path.encode(), target.encode())
    return pairs
