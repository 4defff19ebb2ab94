"""The other end of a control socket: how a verb asks a running edge to do something."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from edgeproxy.control.control_path import connected

_ANSWER_WITHIN: Final = 60.0  # seconds
_ENDED: Final = "the edge has ended before it answered: start it, and ask again"


class CannotAsk(Exception):
    """Nobody answers, or the answer is an error; the message says why, and what to do."""


def ask(path: Path, lines: Iterable[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    """The answer to each line, as it comes. Raises CannotAsk; then nothing more is asked."""
    try:
        with closing(connected(path, _ANSWER_WITHIN)) as sock, sock.makefile("rwb") as file:
            for words in lines:
                file.write(json.dumps(words).encode() + b"\n")
                file.flush()
                yield _understood(path, file.readline())
    except TimeoutError:
        raise CannotAsk(f"{path}: the edge has not answered for {_ANSWER_WITHIN:g} seconds: try again") from None
    except OSError as error:
        raise CannotAsk(f"{path}: {_why(error)}") from None


def _understood(path: Path, line: bytes) -> Mapping[str, object]:
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise CannotAsk(f"{path}: {_ENDED}")
    if "error" in answer:
        raise CannotAsk(str(answer["error"]))
    return answer


def _why(error: OSError) -> str:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return "no edge listens there: start it by `edgeproxy run … --control PATH`, or name its path"
        case ConnectionRefusedError():
            return "the edge that listened there has ended: start it again, or name another path"
        case ConnectionError():
            return _ENDED
        case BlockingIOError():  # connect(2) to a Unix socket whose queue is full
            return "too many wait for the edge already: try again"
        case PermissionError():
            return "only the user that runs the edge may control it: become that user (sudo -u)"
        case _:
            return f"the edge cannot be asked: {error.strerror or error}"
