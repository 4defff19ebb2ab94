"""What changes the index: additions, removals, yanks, each within its caller's transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import datetime
from typing import Final

from packaging.utils import canonicalize_name

from backends.store import rows, substrings
from backends.store.content import Hashed
from backends.store.model import Conflict, ConflictReason, File, Metadata, NewFile, Role, Same, Status
from backends.store.names import confusable_form
from backends.store.searchable import follow_projects
from backends.store.versions import canonical

_FIXED: Final = frozenset({"name", "version"})  # of a release, for ever


def judge(
    content: Hashed, same_name: File | None, same_content: File | None, name_used: bool
) -> Same | Conflict | None:
    """Whether a file may be added: None if it may. An equal name with equal bytes is no change at all."""
    if same_name is not None:
        if (same_name.sha256, same_name.blake2b_256) == (content.sha256, content.blake2b_256):
            return Same(same_name)
        return Conflict(ConflictReason.NAME_TAKEN, same_name)
    if same_content is not None:
        return Conflict(ConflictReason.CONTENT_TAKEN, same_content)
    if name_used:
        return Conflict(ConflictReason.NAME_USED, None)
    return None


def insert_file(db: sqlite3.Connection, new: NewFile, content: Hashed, now: datetime, index_now: bool = True) -> None:
    """`index_now`: let searches find what a new release says, and the project have its serial; else `end_project`
    and `follow_projects` are to follow."""
    release_id = _release(db, new.metadata, now, index_now)
    _log(db, release_id, now, f"add {new.python_version} file {new.filename}", index_now)
    metadata = new.wheel_metadata
    requires_python = new.metadata.get("requires_python")
    db.execute("INSERT INTO filename_log VALUES (?, ?)", (new.filename, content.blake2b_256))
    db.execute(
        """INSERT INTO file (release_id, filename, packagetype, python_version, requires_python, comment,
                             size, md5, sha256, blake2b_256, upload_time, metadata_sha256, has_signature)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            release_id,
            new.filename,
            new.packagetype,
            new.python_version,
            requires_python if isinstance(requires_python, str) else None,
            new.comment,
            content.size,
            content.md5,
            content.sha256,
            content.blake2b_256,
            rows.to_micros(now),
            None if metadata is None else hashlib.sha256(metadata).hexdigest(),
            int(new.signature is not None),
        ),
    )


def store_release(db: sqlite3.Connection, given: Metadata, now: datetime) -> list[str]:
    """Make a release that has no files yet, or say more of one: a field that is given empty is taken away.

    The fields that are others now, by name; none for a new release.
    """
    new = {key: value for key, value in given.items() if value}
    normalized = str(canonicalize_name(str(given["name"])))
    release_id = release_id_of(db, normalized, str(given["version"]))
    if release_id is None:
        _release(db, new, now, index_now=True)
        return []
    row = db.execute("SELECT metadata FROM release WHERE id = ?", (release_id,)).fetchone()
    before = dict(rows.to_metadata(row["metadata"]))
    kept = {key: value for key, value in before.items() if key not in given or key in _FIXED}
    after = {**kept, **{key: value for key, value in new.items() if key not in _FIXED}}
    changed = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    if changed:
        db.execute("UPDATE release SET metadata = ? WHERE id = ?", (rows.to_json(after), release_id))
        db.execute("DELETE FROM release_classifier WHERE release_id = ?", (release_id,))
        _log(db, release_id, now, f"update {', '.join(changed)}")
        _classify(db, release_id, after)
        substrings.change_release(db, release_id, after)
        follow_projects(db, [project_id_of_release(db, release_id)])
    return changed


def log_documentation(db: sqlite3.Connection, project_id: int, now: datetime) -> None:
    _log_project(db, project_id, now, "docupdate")


def end_project(db: sqlite3.Connection, project_id: int) -> None:
    """The serial that its files were added without, the last one last."""
    (serial,) = db.execute("SELECT max(serial) FROM change").fetchone()
    db.execute("UPDATE project SET serial = ? WHERE id = ?", (serial, project_id))


def delete_file(db: sqlite3.Connection, filename: str, now: datetime) -> bool:
    """Take a file out of the index. Its name stays used and its bytes stay where old links find them."""
    row = db.execute("SELECT release_id FROM file WHERE filename = ?", (filename,)).fetchone()
    if row is None:
        return False
    db.execute("DELETE FROM file WHERE filename = ?", (filename,))
    _log(db, row["release_id"], now, f"remove file {filename}")
    return True


def set_yanked(db: sqlite3.Connection, release_id: int, yanked: bool, reason: str | None, now: datetime) -> None:
    db.execute(
        "UPDATE release SET yanked = ?, yanked_reason = ? WHERE id = ?",
        (int(yanked), reason if yanked else None, release_id),
    )
    _log(db, release_id, now, "yank release" if yanked else "unyank release")
    follow_projects(db, [project_id_of_release(db, release_id)])


def set_hidden(db: sqlite3.Connection, release_id: int, hidden: bool, now: datetime) -> None:
    db.execute("UPDATE release SET hidden = ? WHERE id = ?", (int(hidden), release_id))
    db.execute("UPDATE brief SET hidden = ? WHERE release_id = ?", (int(hidden), release_id))
    _log(db, release_id, now, f"update hidden to {hidden}")


def set_status(db: sqlite3.Connection, project_id: int, status: Status, reason: str | None, now: datetime) -> None:
    db.execute("UPDATE project SET status = ?, status_reason = ? WHERE id = ?", (status, reason, project_id))
    _log_project(db, project_id, now, f"project status {status}")
    follow_projects(db, [project_id])


def set_hosting_mode(db: sqlite3.Connection, project_id: int, mode: str, now: datetime) -> None:
    db.execute("UPDATE project SET hosting_mode = ? WHERE id = ?", (mode, project_id))
    _log_project(db, project_id, now, f"update hosting_mode to {mode}")


def add_role(db: sqlite3.Connection, project_id: int, role: Role, user: str, now: datetime) -> bool:
    made = db.execute("INSERT OR IGNORE INTO role (project_id, role, user) VALUES (?, ?, ?)", (project_id, role, user))
    if made.rowcount == 1:
        _log_project(db, project_id, now, f"add {role} {user}")
    return made.rowcount == 1


def remove_role(db: sqlite3.Connection, project_id: int, role: Role, user: str, now: datetime) -> bool:
    gone = db.execute("DELETE FROM role WHERE (project_id, role, user) = (?, ?, ?)", (project_id, role, user))
    if gone.rowcount == 1:
        _log_project(db, project_id, now, f"remove {role} {user}")
    return gone.rowcount == 1


def set_provenance(db: sqlite3.Connection, filename: str, document: str) -> bool:
    """No change of its own: it comes with the file, or says more of what is there."""
    return db.execute("UPDATE file SET provenance = ? WHERE filename = ?", (document, filename)).rowcount == 1


def project_id_of(db: sqlite3.Connection, normalized: str) -> int | None:
    row = db.execute("SELECT id FROM project WHERE normalized = ?", (normalized,)).fetchone()
    return None if row is None else int(row["id"])


def project_id_of_release(db: sqlite3.Connection, release_id: int) -> int:
    return int(db.execute("SELECT project_id FROM release WHERE id = ?", (release_id,)).fetchone()[0])


def release_id_of(db: sqlite3.Connection, normalized: str, version: str) -> int | None:
    row = db.execute(
        """SELECT release.id FROM release JOIN project ON project.id = release.project_id
           WHERE project.normalized = ? AND release.canonical = ?""",
        (normalized, canonical(version)),
    ).fetchone()
    return None if row is None else int(row["id"])


def _release(db: sqlite3.Connection, metadata: Metadata, now: datetime, index_now: bool) -> int:
    """The release that this is said of, made with it if it is new."""
    name, version = str(metadata["name"]), str(metadata["version"])
    normalized = str(canonicalize_name(name))
    found = release_id_of(db, normalized, version)
    if found is not None:
        return found
    made = db.execute(
        "INSERT INTO release (project_id, version, canonical, metadata, uploaded) VALUES (?, ?, ?, ?, ?)",
        (
            _project(db, name, normalized, now),
            version,
            canonical(version),
            rows.to_json(metadata),
            rows.to_micros(now),
        ),
    )
    release_id = int(made.lastrowid or 0)
    _log(db, release_id, now, "new release", index_now)
    _classify(db, release_id, metadata)
    if index_now:
        follow_projects(db, [project_id_of_release(db, release_id)])
    return release_id


def _project(db: sqlite3.Connection, name: str, normalized: str, now: datetime) -> int:
    found = project_id_of(db, normalized)
    if found is not None:
        return found
    serial = _append(db, (name, normalized, None, rows.to_micros(now), "create"))
    made = db.execute(
        "INSERT INTO project (name, normalized, confusable, serial) VALUES (?, ?, ?, ?)",
        (name, normalized, confusable_form(name), serial),
    )
    return int(made.lastrowid or 0)


def _classify(db: sqlite3.Connection, release_id: int, metadata: Metadata) -> None:
    for classifier in metadata.get("classifiers", ()):
        row = db.execute("SELECT id FROM classifier WHERE name = ?", (classifier,)).fetchone()
        if row is None:
            row = db.execute("INSERT INTO classifier (name) VALUES (?) RETURNING id", (classifier,)).fetchone()
        db.execute("INSERT OR IGNORE INTO release_classifier VALUES (?, ?)", (release_id, row["id"]))


def _log(db: sqlite3.Connection, release_id: int, now: datetime, action: str, is_project_s_last: bool = True) -> None:
    """A change of a release, and with it the project's new serial."""
    release = db.execute(
        """SELECT project.id, project.name, project.normalized, release.version
           FROM release JOIN project ON project.id = release.project_id WHERE release.id = ?""",
        (release_id,),
    ).fetchone()
    entry = (release["name"], release["normalized"], release["version"], rows.to_micros(now), action)
    serial = _append(db, entry)
    if is_project_s_last:
        db.execute("UPDATE project SET serial = ? WHERE id = ?", (serial, release["id"]))


def _log_project(db: sqlite3.Connection, project_id: int, now: datetime, action: str) -> None:
    project = db.execute("SELECT name, normalized FROM project WHERE id = ?", (project_id,)).fetchone()
    entry = (project["name"], project["normalized"], None, rows.to_micros(now), action)
    db.execute("UPDATE project SET serial = ? WHERE id = ?", (_append(db, entry), project_id))


def _append(db: sqlite3.Connection, entry: tuple[str, str, str | None, int, str]) -> int:
    made = db.execute("INSERT INTO change (project, normalized, version, moment, action) VALUES (?, ?, ?, ?, ?)", entry)
    return int(made.lastrowid or 0)
