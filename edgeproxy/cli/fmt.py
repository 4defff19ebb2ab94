"""`edgeproxy fmt FILE...`: the canonical layout of rule files."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from difflib import unified_diff
from pathlib import Path
from tempfile import NamedTemporaryFile

from edgeproxy.cli.output import say
from edgeproxy.ruleset.include import RuleFile, Unreadable
from edgeproxy.ruleset.layout import formatted
from edgeproxy.ruleset.load import read_text
from edgeproxy.ruleset.nodes import without_places
from edgeproxy.ruleset.place import Place
from edgeproxy.ruleset.problems import Code, Problem, RuleFileError
from edgeproxy.ruleset.reader import read_nodes

NAME = "fmt"
HELP = "put rule files into their canonical layout; what they say, and their comments, stay"


class Unkept(Exception):
    """A layout that would change what a file says: the file is left as it is."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="a rule file; those it includes are not touched"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing: name the files that would change (status 1)"
    )
    parser.add_argument("--diff", action="store_true", help="write nothing: show what would change (status 1)")


def execute(args: Namespace) -> int:
    """Every file is read before one is written: one that cannot be read leaves all as they are."""
    try:
        layouts = {path: _layout(path) for path in args.files}
    except RuleFileError as error:
        print(error, file=sys.stderr)
        return 2 if any(problem.code is Code.UNREADABLE_FILE for problem in error.problems) else 1
    except Unkept as error:
        print(f"edgeproxy: {error}", file=sys.stderr)
        return 1
    changed = {path: texts for path, texts in layouts.items() if texts[0] != texts[1]}
    for path, (before, after) in changed.items():
        if args.diff:
            say("".join(_diff(path, before, after)).rstrip("\n"))
        elif args.check:
            say(f"{path}: would be formatted")
        elif not _write(path, after):
            return 1
    return int(bool(changed) and (args.check or args.diff))


def _layout(path: Path) -> tuple[str, str]:
    """The text of a file as it is, and as it should be. Raises RuleFileError and Unkept."""
    name = str(path)
    try:
        before = read_text(RuleFile(name, path.absolute()))
    except Unreadable as error:
        place = error.place or Place(name, 1, 1)
        problem = Problem(Code.UNREADABLE_FILE, place, error.message, error.why, error.remedy)
        raise RuleFileError([problem], {}) from None
    root, problems = read_nodes(before, name)
    if root is None or problems:
        raise RuleFileError(problems, {name: before})
    after = formatted(before)
    again, problems = read_nodes(after, name)
    if again is None or problems or without_places(again) != without_places(root):
        raise Unkept(f"{name}: its layout would not keep what it says: it is left as it is, please report it")
    return before, after


def _diff(path: Path, before: str, after: str) -> Iterable[str]:
    return unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), str(path), f"{path} formatted"
    )


def _write(path: Path, text: str) -> bool:
    """Another file in its place, with its mode: no reader sees half of one. A symbolic link stays one."""
    real = path.resolve()
    try:
        with NamedTemporaryFile("wb", dir=real.parent, prefix=f".{real.name}.", delete=False) as file:
            try:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), real.stat().st_mode & 0o7777)
                os.replace(file.name, real)
            except OSError:
                Path(file.name).unlink()
                raise
    except OSError as error:
        print(f"edgeproxy: {path}: {error.strerror}: it is left as it was", file=sys.stderr)
        return False
    return True
