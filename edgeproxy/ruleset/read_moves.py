"""A map's file (CSV, UTF-8): read in batches, every wrong line told with its own place.

Laws of this module:
- a line that is plain is taken as it is, many at once; any other is read by `read_move`, which may refuse it;
- a map may be as wrong as it is long: a few problems are told in full, and how many more there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote_to_bytes

from edgeproxy.ruleset.moves import Moves, Pairs
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import LINE_END, Code, Problem, Refusal, Related
from edgeproxy.ruleset.read_move import HEADER, is_comment, read_fields_of, read_move
from edgeproxy.ruleset.shape import Findings

MOST_TOLD: Final = 20
NO_MAPS: Final[Mapping[Path, Moves]] = MappingProxyType({})
_BATCH: Final = 1 << 14  # octets; where one line is not plain, each line of its batch is looked at by itself
_BOM: Final = b"\xef\xbb\xbf"
_OF_URLS: Final = bytes(sorted(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~!$&'()*+,;=:@/?-%\n"))
# The escapes that stay in a normalised path: upper case, of what is neither unreserved nor refused (see target.py).
_KEPT_ESCAPE: Final = rb"%(?:2[0-9A-C]|3[A-F]|40|5[BDE]|60|7[B-D]|[89A-F][0-9A-F])"
_TARGET_ESCAPE: Final = rb"%(?!2[Ee])[0-9A-Fa-f]{2}"  # %2E might be a dot segment
# PERF: over characters of URLs, checked before and by themselves, this takes 1.3 us for a line of 120 octets; with
# classes of the characters, 2.5 us.
_PLAIN: Final = re.compile(
    rb"^(/[^,%?\n]*(?:" + _KEPT_ESCAPE + rb"[^,%?\n]*)*),"
    rb"(?:https?://[A-Za-z0-9.-]+)?/(?!/)[^,%\n]*(?:" + _TARGET_ESCAPE + rb"[^,%\n]*)*$",
    re.MULTILINE,
)


class MapReader:
    """The maps that rules name."""

    def __init__(self, findings: Findings, known: Mapping[Path, Moves] = NO_MAPS) -> None:
        """`known` are those that were read before, by the file that people know them by."""
        self._findings = findings
        self._known = known
        self._read: dict[Path, Moves | None] = {}  # several rules may have one map

    @property
    def digests(self) -> tuple[str, ...]:
        """Of what was read, in reading order."""
        return tuple(moves.digest for moves in self._read.values() if moves is not None)

    def read(self, name: str, base: Path, place: Place) -> Moves | None:
        """The map of this file name, which stands in a rule file at this place; `base` is where a relative name is
        looked up, and the folder of that rule file says where people find it.
        """
        path, shown = base / name, Path(place.file).parent / name
        if path not in self._read:
            self._read[path] = self._known.get(shown) or self._open(path, str(shown), place)
        return self._read[path]

    def _open(self, path: Path, shown: str, place: Place) -> Moves | None:
        reading = _Reading(shown)
        try:
            reading.read(path)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            why = "its lines are the redirects of this rule."
            remedy = "name a file that is there and that this user may read."
            self._findings.report(Code.UNREADABLE_FILE, place, f"the map {shown} cannot be read: {said}", why, remedy)
            return None
        moves = Moves(Path(shown), reading.pairs, reading.tell_twice)
        problems = reading.problems()
        if problems:
            self._findings.problems.extend(problems)
            self._findings.sources[shown] = _quoted(path, problems)
        elif not moves:
            self._findings.report(
                Code.EMPTY_VALUE,
                place,
                f"the map {shown} has no pair",
                "the rule would take no request.",
                "write a line for each redirect, as in /old/,/new/, or remove the rule.",
            )
        return None if problems or not moves else moves


class _Reading:
    """One map, while it is read."""

    def __init__(self, shown: str) -> None:
        self.pairs = Pairs()
        self._shown = shown
        self._line = 0
        self._may_be_header = True
        self._told: list[Problem] = []
        self._more = 0
        self._first_more = 0

    def read(self, path: Path) -> None:
        with path.open("rb") as file:
            while lines := file.readlines(_BATCH):
                if not self._line:
                    lines[0] = lines[0].removeprefix(_BOM)
                self._add(lines)

    def tell_twice(self, line: int, first: int) -> None:
        self._tell(
            Code.DUPLICATE_VALUE,
            line,
            1,
            ("a path that the map has already", "a path leads to one target.", "keep one of the two lines."),
            Related(Place(self._shown, first, 1), "the first is here"),
        )

    def problems(self) -> tuple[Problem, ...]:
        """In the order of lines: at most MOST_TOLD, and one that counts the others."""
        if self._more:
            self._told.append(
                Problem(
                    Code.BAD_MOVE,
                    Place(self._shown, self._first_more, 1),
                    f"and {self._more} more such lines, of which this is one",
                    f"the first {MOST_TOLD} problems of a map are told.",
                    "correct those first: most often all have one cause.",
                )
            )
            self._more = 0
        return tuple(self._told)

    def _add(self, lines: list[bytes]) -> None:
        """Lines of the file, as read: only the last of all may lack its line feed."""
        if not lines[-1].endswith(b"\n"):
            lines[-1] += b"\n"
        data = b"".join(lines)
        if b"\r" in data:
            lines = [line.removesuffix(b"\r\n") + b"\n" if line.endswith(b"\r\n") else line for line in lines]
            data = b"".join(lines)
        paths = plain_paths(data, len(lines))
        if paths is not None:
            self._add_plain(paths, lines)
        else:
            self._add_each(lines)

    def _add_each(self, lines: Sequence[bytes]) -> None:
        paths: list[bytes] = []
        plain: list[bytes] = []
        for line in lines:
            found = plain_paths(line, 1)
            if found is not None:
                paths += found
                plain.append(line)
                continue
            self._add_plain(paths, plain)
            paths, plain = [], []
            self._line += 1
            self._add_other(line[:-1])
        self._add_plain(paths, plain)

    def _add_plain(self, paths: Sequence[bytes], lines: Sequence[bytes]) -> None:
        if lines:
            text = b"".join(lines).replace(b",", b" ")  # each line has one comma
            self.pairs.add_lines(paths, text, list(map(len, lines)))
            self._line += len(lines)
            self._may_be_header = False

    def _add_other(self, octets: bytes) -> None:
        try:
            line = octets.decode()
            if is_comment(line) or self._is_header(line):
                self.pairs.skip()
                return
            self._may_be_header = False
            move = read_move(line)
        except UnicodeDecodeError as error:
            column = len(octets[: error.start].decode()) + 1
            said = (f"the octet 0x{octets[error.start]:02X} is not UTF-8", "maps are UTF-8 text.", "save it as UTF-8.")
            self._tell(Code.BAD_MOVE, self._line, column, said)
        except Refusal as refusal:
            said = (refusal.message, refusal.why, refusal.remedy)
            self._tell(refusal.code, self._line, refusal.offset + 1, said)
        else:
            self.pairs.add(move.path.encode(), move.target.encode())
            return
        self.pairs.skip()

    def _is_header(self, line: str) -> bool:
        return self._may_be_header and read_fields_of(line) == HEADER

    def _tell(
        self, code: Code, line: int, column: int, said: tuple[str, str, str], related: Related | None = None
    ) -> None:
        if len(self._told) < MOST_TOLD:
            self._told.append(Problem(code, Place(self._shown, line, column), *said, related))
            return
        self._first_more = self._first_more or line
        self._more += 1


def plain_paths(data: bytes, lines: int) -> Sequence[bytes] | None:
    """The paths of so many lines, if each of them is written as it is kept: nothing to normalise, nothing to refuse."""
    if b"/." in data or data.translate(None, _OF_URLS):
        return None
    paths: list[bytes] = _PLAIN.findall(data)
    return paths if len(paths) == lines and (b"%" not in data or _is_utf8(data)) else None


def _is_utf8(data: bytes) -> bool:
    """Whether the octets that are escaped are UTF-8, as those of a path must be."""
    try:
        unquote_to_bytes(data).decode()
    except UnicodeDecodeError:
        return False
    return True


def _quoted(path: Path, problems: Sequence[Problem]) -> str:
    """The file's text as far as problems quote it: their lines, and every other empty."""
    places = [problem.place for problem in problems] + [each.related.place for each in problems if each.related]
    wanted = {place.line for place in places}
    return "\n".join(_only(path, wanted))


def _only(path: Path, wanted: set[int]) -> Iterator[str]:
    with path.open("rb") as file:
        for number, line in enumerate(islice(file, max(wanted)), 1):
            text = line.decode("utf-8-sig" if number == 1 else "utf-8", "replace") if number in wanted else ""
            yield LINE_END.sub(" ", text.rstrip("\r\n"))
