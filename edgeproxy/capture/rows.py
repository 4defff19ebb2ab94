"""Exchanges that the edge has just served, as rows of a block: what repeats is made once.

PERF: a client says the same again and again, and so does the router. An exchange is of a kind: by its request's line
and fields, its rule, its client and its outcome. What a kind comes to is scrubbed and written once; and one that the
block knows already is a look-up. So is an answer's content that was seen before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from edgeproxy.capture.columns import KIND, UNKNOWN, Columns, entry_of
from edgeproxy.capture.content import Content, ContentReader, content_in, told_of
from edgeproxy.capture.safety import safety_of
from edgeproxy.capture.scrubbing import credentials_of, kept_headers, kept_url, kept_value
from edgeproxy.http.request import RequestFields, RequestLine
from edgeproxy.http.target import BadTarget, normalise_path
from edgeproxy.migration.comparing.shapes import shape_of
from edgeproxy.migration.place import site_of
from edgeproxy.ruleset.modifiers import Safety
from edgeproxy.ruleset.template import PathTemplate

ROWS: Final = 2_048  # that make a block
OCTETS: Final = 262_144  # of what they ask for, likewise
_REMEMBERED: Final = 4_096  # of each sort; then it starts over
_HELD: Final = 1 << 23  # octets of what clients said; likewise
_LONGEST_NAME: Final = 200  # characters of a call's method
_LONGEST_SHAPE: Final = 300

Text = str | None
# Line and fields by their identity, scheme, client, rule, arm, backend, fallback, cache, why, status, whole.
Kind = tuple[int, int, str, str, Text, Text, Text, Text, Text, Text, int, bool]


class Noted(Protocol):
    """What the edge notes of an exchange, as for its access log."""

    @property
    def client(self) -> str: ...
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


class Connection:
    """One that is captured. `name`: as JSON. `block`: the last in which it had an exchange, and its number there."""

    __slots__ = ("block", "name", "number")

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.block: Block | None = None
        self.number = UNKNOWN


class Block:
    """One in the making: its columns, and what the edge knows in them. `late`: contents by row, whose digest is not
    known yet; `content` is for one thread alone, and later for another one.
    """

    def __init__(self) -> None:
        self.columns = Columns()
        self.kinds: dict[Kind, int] = {}
        self.contents: dict[int, int] = {}  # by the hash of octets
        self.late: list[tuple[int, ContentReader]] = []

    def __len__(self) -> int:
        return len(self.columns)

    def content(self) -> bytes:
        columns = self.columns
        for row, reader in self.late:
            content = reader.end()
            columns.rows["contents"][row] = UNKNOWN if content is None else columns.number("contents", content)
        return columns.content()


class RowMaker:
    """`rules`: by name."""

    def __init__(self, rules: Mapping[str, RuleTold], on_full: Callable[[], None]) -> None:
        """`on_full`: the block has `ROWS`, or asks for `OCTETS`; another one is to begin."""
        self._rules = rules
        self._on_full = on_full
        self._kinds: dict[Kind, tuple[Mapping[str, bytes], object, object]] = {}
        self._entries: dict[tuple[object, ...], tuple[bytes, object, object]] = {}
        self._held = 0  # octets of those, about
        self._contents: dict[int, Content] = {}
        self.begin()

    def begin(self) -> None:
        """A block of its own."""
        self.block = block = Block()
        self._left = ROWS
        rows = block.columns.rows
        self._known, self._known_contents = block.kinds, block.contents
        self._put_kind, self._put_connection = rows["kinds"].append, rows["connections"].append
        self._put_content = rows["contents"].append
        self._put_time, self._put_head, self._put_took = rows["time"].append, rows["head"].append, rows["took"].append

    def add(
        self,
        noted: Noted,
        line: RequestLine,
        fields: RequestFields,
        connection: Connection,
        times: tuple[int, int, int],
        written: bytes | ContentReader | None,
    ) -> None:
        """`times`: in nanoseconds since the epoch, of the beginning, the answer's head (0: it did not go out through
        the edge's own hands) and the end. `written`: the whole answer, head included; None: not all of it was seen.
        PERF: most are known: then these are two look-ups and six appends.
        """
        kind: Kind = (
            *(id(line), id(fields), noted.scheme, noted.client, noted.rule, noted.arm, noted.backend, noted.fallback),
            *(noted.cache, noted.why, noted.status, noted.is_whole),
        )
        number = self._known.get(kind)
        self._put_kind(self._kind(kind, line, fields) if number is None else number)
        if connection.block is not self.block:
            connection.block = self.block
            connection.number = self.block.columns.number("connections", connection.name)
        self._put_connection(connection.number)
        self._put_content(UNKNOWN if written is None else self._content(written))
        began, head, ended = times
        self._put_head((head - began) // 1_000 if head > began else 0 if head else UNKNOWN)
        self._put_took((ended - began) // 1_000 if ended > began else 0)
        self._put_time((began + 500) // 1_000)
        self._left -= 1
        if self._left <= 0:
            self._on_full()

    def tell(self, sent: int, xmlrpc: str | None) -> None:
        """Of the next one: octets of the request's body, and the method of its call."""
        words = {"sent": sent or None, "xmlrpc": xmlrpc and kept_value("", xmlrpc[:_LONGEST_NAME])}
        self.block.columns.more[len(self.block)] = {key: value for key, value in words.items() if value is not None}

    def _content(self, written: bytes | ContentReader) -> int:
        if isinstance(written, ContentReader):
            self.block.late.append((len(self.block), written))
            return UNKNOWN
        content = content_in(written)
        if content is None:
            return UNKNOWN
        key = hash(content)
        number = self._known_contents.get(key)
        if number is None:
            known = self._contents.get(key)
            if known is None:
                if len(self._contents) >= _REMEMBERED:
                    self._contents.clear()
                known = self._contents[key] = told_of(content)
            number = self._known_contents[key] = self.block.columns.number("contents", known)
            self._look_at_size()
        return number

    def _kind(self, kind: Kind, line: RequestLine, fields: RequestFields) -> int:
        known = self._kinds.get(kind)
        if known is None:
            if len(self._kinds) >= _REMEMBERED or self._held >= _HELD:
                self._start_over()
            self._held += 3 * (len(line.target) + len(fields.lines) + len(fields.host or ""))  # as values, and as JSON
            # The objects are kept, so that no others get their numbers.
            known = self._kinds[kind] = self._entries_of(kind, line, fields), line, fields
        number = self._known[kind] = self.block.columns.kind(known[0])
        self._look_at_size()
        return number

    def _start_over(self) -> None:
        """With all that knows objects by their identity: others may have it from now on."""
        self._kinds.clear()
        self._entries.clear()
        self._known.clear()
        self._held = 0

    def _look_at_size(self) -> None:
        """After something new: the row at hand may be the last."""
        if self.block.columns.octets >= OCTETS:
            self._left = 1

    def _entries_of(self, kind: Kind, line: RequestLine, fields: RequestFields) -> Mapping[str, bytes]:
        """By table."""
        scheme, client, rule = kind[2:5]
        outcome = dict(zip(KIND["outcomes"], kind[5:], strict=True))
        made = {"outcomes": entry_of("outcomes", outcome), "clients": entry_of("clients", {"client": _network(client)})}
        for table, key in (("asked", (id(line), id(fields), scheme, rule)), ("fields", (id(fields),))):
            found = self._entries.get(key)
            if found is None:
                words = self._asked(scheme, rule, line, fields) if table == "asked" else _kept(fields)
                found = self._entries[key] = entry_of(table, words), line, fields
            made[table] = found[0]
        return made

    def _asked(self, scheme: str, rule: str | None, line: RequestLine, fields: RequestFields) -> Mapping[str, object]:
        method = line.method.decode("ascii")
        told = None if rule is None else self._rules.get(rule)
        return {
            "method": method,
            "url": kept_url(scheme, fields.host or "", line.target),
            "safety": safety_of(method, rule, None if told is None else told.declared),
            "rule": rule,
            "shape": None if rule is None else _shape(line.target, None if told is None else told.template),
        }


def _kept(fields: RequestFields) -> Mapping[str, object]:
    return {
        "headers": kept_headers(fields.values) or None,
        "credentials": list(credentials_of(fields.values)) or None,
    }


def _network(address: str) -> str | None:
    """The first address of a client's network; None for what has none."""
    network, slash, _ = site_of(address).partition("/")
    return network if slash else None


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
