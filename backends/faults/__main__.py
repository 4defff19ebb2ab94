"""`python -m backends.faults plant|list|clear URL --token-file FILE`: tell a running site its faults.

Exit status 0 done, 1 the site cannot be reached or refuses, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from backends.addresses import site_url
from backends.faults.admin import PATH, USUALLY
from backends.faults.language import FaultError, read_planted, read_time
from backends.faults.middleware import TOKEN
from backends.faults.planted import LONGEST
from backends.tokens import read_token, token_file

PROGRAM: Final = "python -m backends.faults"
_TIMEOUT: Final = 10.0


class CannotTell(Exception):
    """The site cannot be reached, or does not do what it is told."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        match options.verb:
            case "plant":
                for fault in options.faults:
                    _plant(options.url, options.token_file, fault, options.lifetime)
            case "list":
                _list(options.url, options.token_file)
            case _:
                _clear(options.url, options.token_file, options.numbers)
    except CannotTell as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Tell a running site its faults.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    plant = _verb(verbs, "plant", "let a site have faults for a while")
    plant.add_argument("faults", nargs="+", type=_fault, metavar="FAULT", help="such as 'simple/jinja2 missing'")
    plant.add_argument(
        "--for", dest="lifetime", type=_lifetime, default=USUALLY, metavar="TIME", help=f"how long ({USUALLY})"
    )
    _verb(verbs, "list", "the faults that a site has, how much longer, and on how many requests they showed")
    clear = _verb(verbs, "clear", "take faults away: all, or those of the numbers that are given")
    clear.add_argument("--number", dest="numbers", action="append", type=int, default=[], metavar="NUMBER")
    return parser


def _verb(verbs: Any, name: str, does: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=does, description=does)
    verb.add_argument("url", type=site_url, metavar="URL", help="of the site, such as http://127.0.0.1:8082")
    verb.add_argument(
        "--token-file", type=token_file, required=True, metavar="FILE", help="the one of the site's --admin-token-file"
    )
    return verb


def _fault(text: str) -> str:
    try:
        read_planted(text)
    except FaultError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _lifetime(text: str) -> str:
    try:
        read_time(text, LONGEST)
    except FaultError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _plant(url: str, token: Path, fault: str, lifetime: str) -> None:
    planted = _ask(url, token, "POST", PATH, {"fault": fault, "for": lifetime})
    _say(f"{planted['number']}: {planted['fault']}, for {lifetime}")


def _list(url: str, token: Path) -> None:
    for planted in _ask(url, token, "GET", PATH)["faults"]:
        _say(f"{planted['number']}: {planted['fault']}, {planted['left']:.0f} s left, {planted['hits']} hits")


def _clear(url: str, token: Path, numbers: Sequence[int]) -> None:
    paths = [f"{PATH}{number}" for number in numbers] or [PATH]
    cleared = sum(int(_ask(url, token, "DELETE", path)["cleared"]) for path in paths)
    _say(f"{cleared} cleared")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _ask(url: str, token: Path, method: str, path: str, document: object = None) -> dict[str, Any]:
    # Straight to the site, never by a proxy: the token goes with it.
    connection = HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT)
    try:
        body = None if document is None else json.dumps(document)
        connection.request(method, path, body, {TOKEN: read_token(token).value})
        answer = connection.getresponse()
        status, text = answer.status, answer.read(1 << 20).decode(errors="replace")
    except (OSError, HTTPException) as error:
        raise CannotTell(f"{url} cannot be asked: {error}; is the site running there?") from error
    finally:
        connection.close()
    return _understood(url, status, text)


def _understood(url: str, status: int, text: str) -> dict[str, Any]:
    try:
        said = json.loads(text) if status in (200, 201) else None
    except ValueError:
        said = None
    if isinstance(said, dict):
        return said
    if status in (400, 403, 404, 405, 409) and text.count("\n") == 1:
        raise CannotTell(f"{url} refuses ({status}): {text.strip()}")
    raise CannotTell(f"{url} answers {status}: no site that can be told faults; start it with --admin-token-file")


if __name__ == "__main__":
    sys.exit(main())
