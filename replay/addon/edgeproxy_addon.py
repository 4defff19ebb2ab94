"""The addon itself: `mitmdump -s "$(edgeproxy capture addon)" --set capture=DIR --set edge=http://127.0.0.1:8080`.

`capture`: exchanges are recorded there, as `edgeproxy capture` does; `capture_most`: octets of the disk, in all.
`edge`: requests go to that edge, whatever their host, by plain HTTP, and X-Forwarded-Proto and -For say how and from
whom they came: so clients that speak HTTPS go through an edge's rules, which know mitmproxy as a trusted proxy.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from mitmproxy import ctx, exceptions
from mitmproxy.version import VERSION

if TYPE_CHECKING:
    from mitmproxy.addonmanager import Loader
    from mitmproxy.http import HTTPFlow


@contextmanager
def _project() -> Iterator[None]:
    """Where this project's packages are, behind everything of mitmproxy's own environment: for an addon that is not
    installed there.
    """
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    try:
        yield
    finally:
        sys.path.pop()


with _project():
    from edgeproxy.capture.record import BadRecord
    from edgeproxy.capture.settings import Settings, least_of
    from edgeproxy.ruleset.problems import Refusal
    from edgeproxy.ruleset.quantities import read_size
    from replay.addon.recorder import Passed, Recorder
    from replay.capture.flows import url_of

_STREAMED = 1 << 20  # octets of an answer: larger ones, and those whose length nobody knows, go by in pieces
_FORWARDING = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "forwarded")
_log = logging.getLogger(__name__)


class _Pieces:
    """An answer's content as it goes by. mitmproxy calls it with each piece, and with an empty one at the end."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._octets = 0

    def __call__(self, piece: bytes) -> bytes:
        self._hash.update(piece)
        self._octets += len(piece)
        return piece

    @property
    def content(self) -> tuple[int, str]:
        return self._octets, self._hash.hexdigest()


class EdgeproxyAddon:
    def __init__(self) -> None:
        self._recorder: Recorder | None = None
        self._edge: tuple[str, int] | None = None
        self._asked: WeakKeyDictionary[HTTPFlow, str] = WeakKeyDictionary()  # URLs
        self._pieces: WeakKeyDictionary[HTTPFlow, _Pieces] = WeakKeyDictionary()

    # -- options ------------------------------------------------------------------------------------------------

    def load(self, loader: Loader) -> None:
        loader.add_option("capture", str, "", "Record exchanges to this directory, scrubbed.")
        loader.add_option("capture_most", str, "1GiB", "Of the disk, in all.")
        loader.add_option("edge", str, "", "Send all requests to this edge: http://HOST:PORT.")

    def configure(self, updated: set[str]) -> None:
        if "edge" in updated:
            self._edge = _read_edge(ctx.options.edge)
            if self._edge is not None:  # the names that clients ask for are the edge's, and nobody else's
                ctx.options.update(connection_strategy="lazy", upstream_cert=False)
        if updated & {"capture", "capture_most"}:
            self.done()
            if ctx.options.capture:
                settings = _settings(Path(ctx.options.capture).absolute(), ctx.options.capture_most)
                self._recorder = Recorder(settings, {"by": f"mitmproxy {VERSION}"}, _log.error)
                self._recorder.start()

    def done(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.end()
            _log.info(
                f"capture: {recorder.written} exchanges written, {recorder.dropped} dropped, {recorder.lost} lost, "
                f"{recorder.unreadable} were none"
            )

    # -- exchanges ----------------------------------------------------------------------------------------------

    def requestheaders(self, flow: HTTPFlow) -> None:
        try:
            url = self._asked[flow] = url_of(flow.get_state())
        except BadRecord:
            return
        if self._edge is None:
            return
        parts = urlsplit(url)
        request = flow.request
        request.scheme, (request.host, request.port) = "http", self._edge
        request.host_header = parts.netloc.rpartition("@")[2]
        for name in _FORWARDING:
            request.headers.pop(name, None)
        request.headers["X-Forwarded-Proto"] = parts.scheme
        if flow.client_conn.peername is not None:
            request.headers["X-Forwarded-For"] = flow.client_conn.peername[0]

    def responseheaders(self, flow: HTTPFlow) -> None:
        response = flow.response
        if self._recorder is None or response is None or response.stream:
            return
        length = response.headers.get("content-length", "")
        if not length.isdigit() or int(length) > _STREAMED:
            self._pieces[flow] = response.stream = _Pieces()

    def response(self, flow: HTTPFlow) -> None:
        self._record(flow)

    def error(self, flow: HTTPFlow) -> None:
        self._record(flow)

    def _record(self, flow: HTTPFlow) -> None:
        if self._recorder is None:
            return
        pieces = self._pieces.pop(flow, None)
        content = None if pieces is None or flow.error is not None else pieces.content
        state: dict[str, Any] = flow.get_state()
        held = sum(len(each.raw_content or b"") for each in (flow.request, flow.response) if each is not None)
        self._recorder.take(Passed(state, self._asked.pop(flow, None), content, held))


def _read_edge(text: str) -> tuple[str, int] | None:
    if not text:
        return None
    parts = urlsplit(text)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if parts.scheme != "http" or host is None or parts.path not in ("", "/") or parts.query:
        raise exceptions.OptionsError(f"edge={text}: say http://HOST:PORT")
    return host, port or 80


def _settings(directory: Path, most: str) -> Settings:
    try:
        octets = read_size(most)
    except Refusal as refusal:
        raise exceptions.OptionsError(f"capture_most={most}: {refusal.message}: {refusal.remedy}") from None
    if octets < least_of(1):
        raise exceptions.OptionsError(f"capture_most={most}: say at least {least_of(1)} octets")
    name = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return Settings(name, str(directory), 1.0, octets, 1)


addons: Sequence[object] = [EdgeproxyAddon()]
