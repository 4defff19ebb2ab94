"""`python -m backends.modern.describer SECONDS`: renders descriptions from standard input to standard output.

A program of its own, because nothing else can be ended in the middle. It ends itself: by SIGPROF when one rendering has
had so much CPU time, at an error, when there is no memory, when its input ends. Who gave it the text sees the end of
its output then, and shows the text as it is. A message is its length in eight octets, and UTF-8.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import struct
import sys
from html import escape
from typing import BinaryIO, Final

from readme_renderer import markdown, rst

from backends.modern.mending import mended

LENGTH: Final = struct.Struct("!Q")
_MEMORY: Final = 1 << 30


def main(seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing that a renderer prints is taken for an answer
    while head := source.read(LENGTH.size):
        content_type, is_commonmark, text = json.loads(source.read(LENGTH.unpack(head)[0]))
        signal.setitimer(signal.ITIMER_PROF, seconds)
        made = rendered(content_type, is_commonmark, text)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(sink, made.encode())


def rendered(content_type: str, is_commonmark: bool, text: str) -> str:
    """What cannot be rendered as what it says is shown as it is."""
    made: str | None = None
    match content_type:
        case "text/markdown":
            made = markdown.render(text, variant="CommonMark" if is_commonmark else "GFM")
        case "text/x-rst" | "":
            made = rst.render(text)
        case _:
            pass
    return mended(made) if made is not None else as_it_is(text)


def as_it_is(text: str) -> str:
    """Nothing but letters and line ends, made by what is fast enough for the site's own thread."""
    return escape(text, quote=False).replace("\n", "<br>")


def _write(sink: BinaryIO, message: bytes) -> None:
    sink.write(LENGTH.pack(len(message)) + message)
    sink.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]))
