"""What projects upload as their documentation: trees of files by project, for `backends.conveyor --docs`.

Laws of this module:
- a tree is unpacked aside, synced as a whole, and then takes the place of the one before in one step: a link that
  points to it. Each of its files synced by itself takes milliseconds, and there may be thousands;
- nothing is written outside of it, whatever the archive says, and nothing in it is a link.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from backends.store.unpacking import MOST_AT_ONCE, BadArchive, checked_zip

INDEX = "index.html"
_TREES = ".trees"  # below the directory of all; no project's name begins so


def names_in(archive: Path) -> list[str]:
    """Raises BadArchive."""
    with checked_zip(archive) as opened:
        return opened.namelist()


def publish(directory: Path, project: str, archive: Path) -> None:
    """Raises BadArchive; then the documentation is what it was."""
    trees = directory / _TREES
    trees.mkdir(exist_ok=True)
    tree = Path(tempfile.mkdtemp(prefix=f"{project}-", dir=trees))
    try:
        _unpack(archive, tree)
        before = _put(directory, project, tree)
    except BaseException:
        shutil.rmtree(tree, ignore_errors=True)
        raise
    if before is not None:
        shutil.rmtree(before, ignore_errors=True)


def sweep(directory: Path, before: datetime) -> None:
    """Delete trees that no link points to and nobody has written to since."""
    used = {place.resolve() for place in directory.iterdir() if place.is_symlink()}
    trees = directory / _TREES
    for tree in trees.iterdir() if trees.is_dir() else ():
        with suppress(FileNotFoundError):
            if tree.resolve() not in used and tree.lstat().st_mtime < before.timestamp():
                tree.unlink() if tree.is_symlink() else shutil.rmtree(tree)


def _unpack(archive: Path, tree: Path) -> None:
    try:
        with checked_zip(archive) as opened:
            for member in opened.infolist():
                if not member.is_dir():
                    _write(opened, member, tree / member.filename)
    except (OSError, ValueError) as error:  # a name that is too long, or that of a file and a directory
        raise BadArchive(f"it cannot be unpacked: {error}") from error
    tree.chmod(0o755)  # mkdtemp makes it private
    os.utime(tree)
    os.sync()


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as packed, path.open("xb") as out:
        shutil.copyfileobj(packed, out, MOST_AT_ONCE)


def _put(directory: Path, project: str, tree: Path) -> Path | None:
    """What was there before, which nobody is led to any more."""
    place, link = directory / project, tree.with_name(f"{tree.name}.link")
    before: Path | None = place.resolve() if place.is_symlink() else None
    if before is None and place.is_dir():  # an operator's own
        before = tree.with_name(f"{tree.name}.before")
        place.rename(before)
    link.symlink_to(Path(_TREES) / tree.name)
    link.replace(place)
    return before
