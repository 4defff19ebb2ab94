"""Exchanges that the edge has just served, as rows of a block: what repeats is made once.

PERF: a client says the same again and again, a backend and the router, too. An exchange is of a kind: by its request's
line and fields, its rule and its outcome, and by its answer's content. What a kind comes to is scrubbed and written
once. One whose content is the same as the last time costs one comparison: of 1 KiB 0.04 µs, where its SHA-256 takes
1 µs. Rows wait as they are, in one list, and become octets `AT_ONCE` at a time: one call for all of them costs a third,
and the numbers' memory is near, and used again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from edgeproxy.capture.bodies import kept_body
from edgeproxy.capture.columns import (
    AT_ONCE,
    ENTRIES,
    LARGEST,
    NOTHING,
    NUMBERS,
    ROW,
    UNKNOWN,
    Columns,
    Entries,
    entry_of,
    head_after,
    object_of,
    placeholder_of,
    took_between,
)
from edgeproxy.capture.connections import Connection, Connections
from edgeproxy.capture.content import told_of
from edgeproxy.capture.safety import SafetyClass, safety_of
from edgeproxy.capture.scrubbing import credentials_of, kept_headers, kept_url, kept_value
from edgeproxy.http.request import RequestFields, RequestLine
from edgeproxy.http.target import BadTarget, normalise_path
from edgeproxy.migration.comparing.shapes import shape_of
from edgeproxy.ruleset.modifiers import Safety
from edgeproxy.ruleset.template import PathTemplate

ROWS: Final = 273 * AT_ONCE  # that make a block
OCTETS: Final = 262_144  # of what they ask for, likewise
KINDS: Final = 1_024  # likewise. PERF: each costs 5 µs when the block is taken, in one step of the loop
FULL: Final = AT_ONCE * NUMBERS  # of rows that become octets
_REMEMBERED: Final = 8_192  # of each sort, as many as there are repeated requests; then it starts over
_HELD: Final = 1 << 23  # octets of what clients said; likewise
_NUMBERED: Final = 16_384  # kinds that blocks may have, before those that are past are forgotten
_LEFT: Final = 4_096  # connections that are gone, and are in the block
_MOST_NUMBERS: Final = LARGEST - (1 << 26)  # of kinds: then they begin anew, as soon as no block has any
_CONTENTS: Final = 1 << 23  # octets of answers' contents; then they are forgotten
_LONGEST_NAME: Final = 200  # characters of a call's method
_LONGEST_SHAPE: Final = 300

_NO_ENTRIES: Final[Entries] = (NOTHING,) * 4
Key = tuple[object, ...]  # what tells a kind apart: values, and identities of what is kept with it


class Noted(Protocol):
    """What the edge notes of an exchange, as for its access log."""

    @property
    def scheme(self) -> str: ...
    @property
    def rule(self) -> str | None: ...
    @property
    def arm(self) -> str | None: ...
    @property
    def backend(self) -> str | None: ...
    @property
    def fallback(self) -> str | None: ...
    @property
    def cache(self) -> str | None: ...
    @property
    def why(self) -> str | None: ...
    @property
    def status(self) -> int: ...
    @property
    def is_whole(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class RuleTold:
    """What of a rule a record tells beside its name."""

    declared: Safety | None
    template: PathTemplate | None
    is_own: bool = False  # the edge answers by itself


class Kind:
    """`content`: of the last answer; `number`: of the kind with that. `kept`: so that none other has its identity.
    `status`, `seen`: status and content of the last plain exchange, as long as another one like it has that number;
    None: there is none.
    """

    __slots__ = ("content", "entries", "has_content", "kept", "number", "seen", "status")

    def __init__(self, entries: Entries, kept: object, *, has_content: bool) -> None:
        """Of an exchange whose answer's content is not known. `has_content`: answers of this kind may have some."""
        self.entries = entries
        self.kept = kept
        self.has_content = has_content
        self.content: bytes | None = None
        self.number = UNKNOWN
        self.status = 0
        self.seen: bytes | None = None

    def let_go(self) -> None:
        """It is forgotten: who still has it holds nothing by it, and no exchange is of it."""
        self.entries, self.kept, self.content, self.seen = _NO_ENTRIES, None, None, None


@dataclass(frozen=True, slots=True)
class Late:
    """The content of an answer of which somebody else will know, by this number, what it is."""

    number: int


Times = tuple[float, float, float]  # began, head, ended, in seconds since the epoch; UNKNOWN: not through our hands
Row = tuple[int, int, float, float]  # of kind and content, of the connection; began, ended
NO_KIND: Final = Kind(_NO_ENTRIES, None, has_content=False)  # of what is looked for each time


class RowMaker:
    """`rules`: by name."""

    def __init__(
        self,
        rules: Mapping[str, RuleTold],
        on_full: Callable[[], None],
        is_unsafe_behind: Callable[[str, RequestLine, RequestFields], bool] = lambda *_: False,
    ) -> None:
        """`on_full`: the block has `ROWS` or `KINDS`, or asks for `OCTETS`; it is to be taken. `is_unsafe_behind`:
        whether what the edge answers itself, by a scheme, would write on the site behind it.
        """
        self._rules = rules
        self._is_unsafe_behind = is_unsafe_behind
        self._on_full = on_full
        self._last = 0  # number of a kind
        self._numbered: dict[int, Entries] = {}  # all that blocks may have
        self.numbers: object = object()  # another one when numbers that nobody's kind has are forgotten
        self.kinds: dict[Key, Kind] = {}
        self._entries: dict[tuple[object, ...], tuple[bytes, object, object]] = {}
        self._held = 0  # octets of those, about
        self._contents = 0  # octets of the contents that kinds hold
        self._connections = Connections()
        self._told: dict[str, object] = {}  # more of the next row
        self._room: bytearray | None = None  # of a block that was written
        self.flat: list[float] = []  # rows that are no octets yet, as `Row` has them
        self.block = Columns(self._numbered, self._connections.entries)

    def __len__(self) -> int:
        """Rows of the block."""
        return len(self.block) + len(self.flat) // NUMBERS

    def take(self) -> Columns:
        """The block, with all its rows. Another one begins."""
        self._make_octets()
        block = self.block
        block.keep_connections()
        self._connections.free()
        if len(self._numbered) >= _NUMBERED:
            self._numbered = {each.number: each.entries for each in self.kinds.values()}
            self.numbers = object()
        self.block, self._room = Columns(self._numbered, self._connections.entries, self._room), None
        return block

    def renumber(self) -> None:
        """Let numbers of kinds begin anew, when they have become large. To be asked for often, but not by who adds a
        row: the kind that it has would be none any more.
        """
        if self._last >= _MOST_NUMBERS and not len(self):
            self.forget()
            self._last, self._numbered, self.numbers = 0, {}, object()
            self.block = Columns(self._numbered, self._connections.entries)

    def let_go(self, block: Columns) -> None:
        """One that was taken is written."""
        self._room = block.let_go()

    def meet(self, connection: Connection) -> None:
        """It has a number from now on, until it leaves."""
        self._connections.meet(connection)

    def leave(self, connection: Connection) -> None:
        """No more rows have it."""
        self._connections.leave(connection)
        if self._connections.left >= _LEFT:
            if len(self):
                self._on_full()
            else:
                self._connections.free()

    def kind(self, key: Key, kept: object, noted: Noted, line: RequestLine, fields: RequestFields) -> Kind:
        """What is known under the key, or learned of the rest."""
        found = self.kinds.get(key)
        if found is None:
            if len(self.kinds) >= _REMEMBERED or self._held >= _HELD:
                self.forget()
            self._held += 3 * (len(line.target) + len(fields.lines) + len(fields.host or ""))  # as values, and as JSON
            entries = self._entries_of(noted, line, fields)
            found = self.kinds[key] = Kind(
                (*entries, NOTHING), (kept, line, fields), has_content=line.method != b"HEAD"
            )
            self.block.octets += sum(map(len, entries))
            self._number(found, NOTHING)
        return found

    def add(self, kind: Kind, connection: Connection, times: Times, content: bytes | Late | None) -> None:
        """A row. `content`: of the answer; None: not all of it was seen."""
        began, head, ended = times
        if self._told or head != ended:
            self._tell(began, head, ended)
        if isinstance(content, Late):
            self._last = number = self._last + 1
            self.block.own[number] = (*kind.entries[:3], placeholder_of(content.number))
        else:
            if content != kind.content:
                self._learn(kind, content)
            number = kind.number
        self.add_row((number, connection.number, began, ended))
        if self.block.octets >= OCTETS:
            self.seal()

    def _tell(self, began: float, head: float, ended: float) -> None:
        more = [object_of(self._told)[1:-1]] if self._told else []
        if head != ended:
            more.append(head_after(took_between(began, head)))
        self.block.tell(len(self), b"{%b}" % b",".join(more))
        self._told = {}

    def add_row(self, row: Row) -> None:
        """PERF: whoever adds most of them does it alike (`AnsweringStream.finish`)."""
        flat = self.flat
        flat += row
        if len(flat) >= FULL:
            self.seal()

    def seal(self) -> None:
        """What waits in the list becomes octets."""
        self._make_octets()
        block = self.block
        if block.octets_of_rows >= ROWS * ROW.size or len(block.used) >= KINDS or block.octets >= OCTETS:
            self._on_full()

    def _make_octets(self) -> None:
        if self.flat:
            self.block.add_rows(self.flat)
            self.flat.clear()

    def number_of(self, kind: Kind, content: bytes) -> int:
        """Of rows of this kind whose answer has this content, as long as `numbers` is the same. It is not held."""
        if content == kind.content:
            return kind.number
        self._last += 1
        self._numbered[self._last] = (*kind.entries[:3], told_of(content) if kind.has_content else NOTHING)
        return self._last

    def tell(
        self,
        line: RequestLine,
        fields: RequestFields,
        rule: str | None,
        call: str | None,
        sent: int,
        body: bytes | None,
    ) -> None:
        """Of the next one: the method of its call, octets of its body, and that, if all of it was held."""
        words: dict[str, object] = {"sent": sent} if sent else {}
        if call:
            words["xmlrpc"] = kept_value("", call[:_LONGEST_NAME])
        if body and line.method == b"POST" and self.is_declared_safe(rule):
            kept = kept_body(body, fields.values)
            words |= {} if kept is None else {"body": kept}
        self._told = words

    def is_declared_safe(self, rule: str | None) -> bool:
        told = None if rule is None else self._rules.get(rule)
        return told is not None and told.declared is Safety.SAFE

    def _learn(self, kind: Kind, content: bytes | None) -> None:
        """What the answer has this time."""
        self._contents += len(content or b"") - len(kind.content or b"")
        if self._contents > _CONTENTS:
            for each in self.kinds.values():
                each.content, each.seen = None, None
                self._number(each, NOTHING)
            self._contents = len(content or b"")
        kind.content, kind.seen = content, None
        self._number(kind, NOTHING if content is None or not kind.has_content else told_of(content))

    def _number(self, kind: Kind, content: bytes) -> None:
        """A new one."""
        self._last = kind.number = self._last + 1
        kind.entries = self._numbered[kind.number] = (*kind.entries[:3], content)
        self.block.octets += len(content)

    def forget(self) -> None:
        """All that knows objects by their identity: others may have it from now on."""
        for each in self.kinds.values():
            each.let_go()
        self.kinds.clear()
        self._entries.clear()
        self._held = self._contents = 0

    def _entries_of(self, noted: Noted, line: RequestLine, fields: RequestFields) -> tuple[bytes, bytes, bytes]:
        """What was asked, the fields, the outcome."""
        scheme, rule = noted.scheme, noted.rule
        said = noted.arm, noted.backend, noted.fallback, noted.cache, noted.why, noted.status, noted.is_whole
        outcome = entry_of("outcomes", dict(zip(ENTRIES["outcomes"], said, strict=True)))
        asked = self._remembered(
            ("asked", id(line), id(fields), scheme, rule), line, fields, lambda: self._asked(scheme, rule, line, fields)
        )
        return asked, self._remembered(("fields", id(fields)), line, fields, lambda: _kept(fields)), outcome

    def _remembered(
        self,
        key: tuple[str | int | None, ...],
        line: RequestLine,
        fields: RequestFields,
        words: Callable[[], Mapping[str, object]],
    ) -> bytes:
        """An entry of the table that the key begins with."""
        found = self._entries.get(key)
        if found is None:
            found = self._entries[key] = entry_of(str(key[0]), words()), line, fields
        return found[0]

    def _asked(self, scheme: str, rule: str | None, line: RequestLine, fields: RequestFields) -> Mapping[str, object]:
        method = line.method.decode("ascii")
        told = None if rule is None else self._rules.get(rule)
        safety = safety_of(method, rule, None if told is None else told.declared)
        if told is not None and told.is_own and self._is_unsafe_behind(scheme, line, fields):
            safety = SafetyClass.UNSAFE
        return {
            "method": method,
            "url": kept_url(scheme, fields.host or "", line.target),
            "safety": safety,
            "rule": rule,
            "shape": None if rule is None else _shape(line.target, None if told is None else told.template),
        }


def _kept(fields: RequestFields) -> Mapping[str, object]:
    return {
        "headers": kept_headers(fields.values) or None,
        "credentials": list(credentials_of(fields.values)) or None,
    }


def _shape(target: str, template: PathTemplate | None) -> str:
    path = target.partition("?")[0]
    if not path.startswith("/"):
        path = "/" + path.partition("://")[2].partition("/")[2]
    try:
        path = normalise_path(path)
    except BadTarget:
        return shape_of(path)[:_LONGEST_SHAPE]
    fits = template is not None and template.match(path) is not None
    return shape_of(path, template if fits else None)[:_LONGEST_SHAPE]
