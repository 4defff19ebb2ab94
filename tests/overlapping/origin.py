"""An origin that reads what it is asked at once, and answers piece by piece, when it is told to.

Law: no two answers are alike. Each has a name, in its head (X-Number), in its tag, in its length, and all over its
content, beside what it was asked for and by whom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness import BackendPeer

from edgeproxy.http.dates import http_date
from overlapping.history import Exchange, History
from overlapping.program import Says

LASTING = Says(("public", "max-age=30"))  # for what a program leaves unanswered
_SMALL, _LARGE = 240, 150_000  # octets, and one for each number: a coding is worth it; the memory takes no such answer


@dataclass
class Origin:
    """`moved` is called for all that it notices."""

    history: History
    now: Callable[[], float]
    moved: Callable[[], None]
    workers: Callable[[int], int]  # of which worker a client is one
    is_willing: bool = False  # it answers by itself, at once
    _peers: dict[int, BackendPeer] = field(default_factory=dict)  # by the number of what is not answered yet
    _unsent: dict[int, bytes] = field(default_factory=dict)

    async def serve(self, peer: BackendPeer) -> None:
        """One connection. The edge asks no second time on it before it has the answer."""
        exchange: Exchange | None = None
        try:
            while True:
                head = await peer.head()
                exchange = self._note(head)
                await peer.reader.readexactly(int(exchange.fields.get("content-length", "0")))
                self._peers[exchange.number] = peer
                if self.is_willing:
                    self.whole(exchange, LASTING)
        finally:
            if exchange is not None:
                self._close(exchange)
            self.moved()

    def _note(self, head: bytes) -> Exchange:
        line, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _ = line.split(" ")
        fields = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in rest)}
        client, number = int(fields["x-client"]), len(self.history.exchanges)
        exchange = Exchange(
            number, self.workers(client), client, method, target, fields, self.history.next(), self.now()
        )
        self.history.exchanges.append(exchange)
        self.moved()
        return exchange

    def asking(self, *, has_begun: bool | None = None) -> list[Exchange]:
        """What is not answered yet; `has_begun`: of these, where the answer has, or has not."""
        found = [self.history.exchanges[number] for number in self._peers]
        return [one for one in found if has_begun is None or (one.begun is not None) is has_begun]

    def answer_all(self) -> None:
        """And all that is asked from now on."""
        self.is_willing = True
        for exchange in self.asking(has_begun=False):
            self.whole(exchange, LASTING)
        for exchange in self.asking(has_begun=True):
            self.more(exchange, is_end=True)

    # -- answering --------------------------------------------------------------------------------------------------

    def begin(self, exchange: Exchange, says: Says) -> None:
        octets, content = self._head(exchange, says), _on_the_wire(exchange.content, says)
        if exchange.method == "HEAD":
            content = b""
        part = len(content) * 9 // 10 if says.is_large else len(content) // 10
        self._send(exchange, octets + content[:part], content[part:])

    def whole(self, exchange: Exchange, says: Says) -> None:
        octets, content = self._head(exchange, says), _on_the_wire(exchange.content, says)
        self._send(exchange, octets + (b"" if exchange.method == "HEAD" else content), b"")

    def unchanged(self, exchange: Exchange, cache_control: tuple[str, ...], *, is_mistaken: bool) -> None:
        """To who did not ask by a tag, it is a whole answer."""
        tag = exchange.fields.get("if-none-match")
        if tag is None or exchange.method == "POST":
            self.whole(exchange, Says(cache_control))
            return
        exchange.head = {"date": http_date(self.now()), "etag": '"other"' if is_mistaken else tag}
        if cache_control:
            exchange.head |= {"cache-control": ", ".join(cache_control)}
        exchange.status = 304
        self._begun(exchange)
        self._send(exchange, _octets(304, exchange.head), b"")

    def more(self, exchange: Exchange, *, is_end: bool) -> None:
        unsent = self._unsent[exchange.number]
        part = len(unsent) if is_end else len(unsent) // 3
        self._send(exchange, unsent[:part], unsent[part:])

    def fail(self, exchange: Exchange, *, resets: bool) -> None:
        exchange.has_failed = True
        peer = self._peers[exchange.number]
        self._end(exchange)
        if resets:
            peer.reset()
        else:
            peer.writer.close()

    # -- steps ------------------------------------------------------------------------------------------------------

    def _head(self, exchange: Exchange, says: Says) -> bytes:
        name = exchange.name
        head = {"x-number": name, "date": http_date(self.now()), "content-type": "text/plain"}
        head |= {"cache-control": ", ".join(says.cache_control)} if says.cache_control else {}
        head |= {"vary": says.vary} if says.vary is not None else {}
        head |= {"etag": f'"{name}"'} if says.has_tag else {}
        head |= {"set-cookie": f"s={name}"} if says.sets_cookie else {}
        head |= {"surrogate-key": says.key} if says.key is not None else {}
        exchange.content = content_of(exchange, (_LARGE if says.is_large else _SMALL) + exchange.number)
        exchange.says, exchange.head, exchange.status = says, head, says.status
        self._begun(exchange)
        framing = (
            {"transfer-encoding": "chunked"} if says.is_chunked else {"content-length": f"{len(exchange.content)}"}
        )
        return _octets(says.status, head | framing)

    def _begun(self, exchange: Exchange) -> None:
        exchange.begun, exchange.begun_at = self.history.next(), self.now()
        if exchange.method == "POST" and 200 <= exchange.status < 400:
            self.history.write(exchange)

    def _send(self, exchange: Exchange, octets: bytes, unsent: bytes) -> None:
        self._unsent[exchange.number] = unsent
        peer = self._peers[exchange.number]
        if not unsent:
            self._end(exchange)
        if not peer.writer.is_closing():
            peer.writer.write(octets)

    def _end(self, exchange: Exchange) -> None:
        del self._peers[exchange.number]
        exchange.ended, exchange.ended_at = self.history.next(), self.now()

    def _close(self, exchange: Exchange) -> None:
        """The edge wants no answer any more, or no more of it."""
        if exchange.number in self._peers:
            self._end(exchange)


def content_of(exchange: Exchange, octets: int) -> bytes:
    told = {name: exchange.fields.get(name) for name in ("x-a", "authorization", "cookie", "accept", "accept-encoding")}
    text = f"<{exchange.name} of {exchange.target} for client {exchange.client} {told}>".encode()
    return (text * (octets // len(text) + 1))[:octets]


def _on_the_wire(content: bytes, says: Says) -> bytes:
    if not says.is_chunked:
        return content
    half = len(content) // 2
    pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (content[:half], content[half:])]
    return b"".join([*pieces, b"0\r\n\r\n"])


def _octets(status: int, head: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Because", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")
