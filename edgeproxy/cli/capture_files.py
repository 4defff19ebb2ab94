"""The verbs of `edgeproxy capture` that look at files: show, verify, convert."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edgeproxy.capture.record import Captured, line_of
from edgeproxy.capture.scanning import spellings_of
from edgeproxy.capture.settings import SUFFIX, files_of
from edgeproxy.cli.output import printable, say
from replay.capture.found import Skipped, Unreadable
from replay.capture.har import har_of
from replay.capture.reading import Assumed, Source, read_all
from replay.capture.summary import as_json, as_text, summary_of
from replay.capture.verifying import verify as findings_of
from replay.capture.writing import write_records

_OK: Final = 0
_FOUND: Final = 1
_UNREADABLE: Final = 2


class _Failed(Exception):
    """It was told why."""


def show(args: Namespace) -> int:
    """Exit status: 0 all could be read, 1 something is broken, 2 a file is none of what can be read."""
    skipped = _Skipped()
    try:
        with _told():
            sources = read_all(args.files, _assumed(args))
            if args.format == "records":
                for record in skipped.records(sources):
                    say(line_of(record).decode("ascii").rstrip("\n"))
                return skipped.tell()
            summary = summary_of(sources)
            say(json.dumps(as_json(summary), indent=1) if args.format == "json" else "\n".join(as_text(summary)))
            return _FOUND if summary.broken else _OK
    except _Failed:
        return _UNREADABLE


def verify(args: Namespace) -> int:
    """Exit status: 0 nothing was found, 1 something was, or cannot be looked at, 2 a file cannot be read."""
    number = 0
    try:
        with _told():
            known = _known(args.known)
            files = files_of(args.files)
            for path in files:
                for finding in findings_of(path, known):
                    number += 1
                    say(printable(f"{path}: {finding.where}: {finding.what}"))
    except _Failed:
        return _UNREADABLE
    looked = f"{len(files)} file{'' if len(files) == 1 else 's'}"
    say(f"{number} findings in {looked}" if number else f"no secret was found in {looked}")
    return _FOUND if number else _OK


def convert(args: Namespace) -> int:
    """Exit status: 0 done, 1 done but for what is broken, 2 not done."""
    target: Path = args.to
    if target.suffix not in (SUFFIX, ".har"):
        print(f"edgeproxy capture: {target}: a name that ends in {SUFFIX} or .har says what to write", file=sys.stderr)
        return _UNREADABLE
    skipped = _Skipped()
    try:
        with _told():
            records = skipped.records(read_all(args.files, _assumed(args)))
            if target.suffix == SUFFIX:
                with target.open("xb") as packed:
                    write_records(packed, records)
            else:
                with target.open("x", encoding="ascii") as text:
                    text.writelines(har_of(records))
    except _Failed:
        return _UNREADABLE
    print(f"{target}: {skipped.good:,} exchanges", file=sys.stderr)
    return skipped.tell()


class _Skipped:
    """What was broken among records, counted, and told one by one as far as that helps."""

    def __init__(self) -> None:
        self.good = 0
        self._places = 0
        self._told: list[str] = []

    def records(self, sources: Iterator[Source]) -> Iterator[Captured]:
        for source in sources:
            if isinstance(source.found, Captured):
                self.good += 1
                yield source.found
            elif isinstance(source.found, Skipped):
                self._places += 1
                if len(self._told) < 20:
                    self._told.append(f"{source.path}: {source.found.where}: {source.found.why}")

    def tell(self) -> int:
        """The exit status."""
        for line in self._told:
            print(f"skipped: {printable(line)}", file=sys.stderr)
        if self._places > len(self._told):
            print(f"skipped: {self._places - len(self._told):,} more places", file=sys.stderr)
        return _FOUND if self._places else _OK


@contextmanager
def _told() -> Iterator[None]:
    """Raises _Failed for what a file or disk does."""
    try:
        yield
    except Unreadable as error:
        print(f"edgeproxy capture: {error}", file=sys.stderr)
    except OSError as error:
        print(f"edgeproxy capture: {error.filename}: {error.strerror}", file=sys.stderr)
    else:
        return
    raise _Failed


def _assumed(args: Namespace) -> Assumed:
    return Assumed(args.scheme, args.host)


def _known(path: Path | None) -> Sequence[frozenset[bytes]]:
    if path is None:
        return ()
    secrets = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [spellings_of(secret) for secret in secrets if secret]
