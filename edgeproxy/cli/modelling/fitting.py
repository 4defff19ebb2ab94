"""`edgeproxy model fit` and `check`."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from edgeproxy.capture.record import Captured
from edgeproxy.cli.output import printable, say
from edgeproxy.control.garbage import uncollected
from edgeproxy.ruleset.load import load_ruleset
from replay.capture.found import Skipped, Unreadable
from replay.capture.reading import Assumed, read_all
from replay.model.checking import Check, check
from replay.model.files import LARGEST, BadModel, read, written
from replay.model.fitting import fit
from replay.model.model import Model
from replay.model.picture import page_of, svg_of
from replay.model.telling import about, as_json, as_text
from replay.schedule.choosing import ByRules, Judge

_DONE = 0
_FOUND = 1
_TOLD = 20


def fit_model(args: Namespace) -> int:
    """Exit status: 0 done, 1 done but for what is broken."""
    _look_at_page(args.page)
    with uncollected():
        records = Records(args)
        model = fit(records, args.shared_by)
    args.to.write_text(written(model, as_json=args.to.suffix == ".json"), encoding="ascii")
    say("\n".join(map(printable, about(model))))
    if args.page is not None:
        _write_page(args.page, check(model, Records(args), Random(args.seed)))
    return records.tell()


def check_model(args: Namespace) -> int:
    """Exit status: 0 it is like the capture in all that is measured, 1 unlike in something, or something is broken."""
    _look_at_page(args.page)
    model = read_model(args.model)
    with uncollected():
        records = Records(args)
        found = check(model, records, Random(args.seed))
    if args.page is not None:
        _write_page(args.page, found)
    say(json.dumps(as_json(found), indent=1) if args.format == "json" else "\n".join(map(printable, as_text(found))))
    return records.tell() or (_FOUND if found.unlike else _DONE)


def read_model(path: Path) -> Model:
    """Raises OSError, BadModel."""
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise BadModel(f"{path}: a model of more than {LARGEST:,} octets")
    try:
        return read(content.decode("utf-8"))
    except (BadModel, UnicodeDecodeError) as error:
        raise BadModel(f"{path}: {error}") from None


class Records:
    """Those of the files; what is broken is counted, and the first are told."""

    def __init__(self, args: Namespace) -> None:
        self._files: list[Path] = args.files
        self._assumed = Assumed(args.assume_scheme, args.assume_host)
        self._judge: Judge | None = None if args.rules is None else ByRules(load_ruleset(args.rules))
        self._broken = 0
        self._told: list[str] = []

    def __iter__(self) -> Iterator[Captured]:
        self._broken, self._told = 0, []
        for source in read_all(self._files, self._assumed):
            found = source.found
            if isinstance(found, Captured):
                yield found if self._judge is None else _judged(found, self._judge)
            elif isinstance(found, Skipped):
                self._broken += 1
                if len(self._told) < _TOLD:
                    self._told.append(f"{source.path}: {found.where}: {found.why}")

    def tell(self) -> int:
        """The exit status."""
        for line in self._told:
            print(f"skipped: {printable(line)}", file=sys.stderr)
        if self._broken > len(self._told):
            print(f"skipped: {self._broken - len(self._told):,} more places", file=sys.stderr)
        return _FOUND if self._broken else _DONE


def _judged(record: Captured, judge: Judge) -> Captured:
    judged = judge(record)
    return replace(record, safety=judged.safety, rule=judged.rule or None, shape=judged.shape)


def _look_at_page(path: Path | None) -> None:
    if path is not None and path.suffix not in (".html", ".svg", ".json"):
        raise Unreadable(f"{path}: a name that ends in .html, .svg or .json says what to write")


def _write_page(path: Path, found: Check) -> None:
    match path.suffix:
        case ".json":
            text = json.dumps(as_json(found), indent=1) + "\n"
        case ".svg":
            text = svg_of(found)
        case _:
            text = page_of(found)
    path.write_text(text, encoding="utf-8")
