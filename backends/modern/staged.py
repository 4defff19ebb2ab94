"""A stage as an index of its own: uploaded to and read as the site is, with its files beside its pages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aiohttp import web

from backends.modern import simple
from backends.modern.answers import Answer
from backends.modern.staging import open_stage
from backends.modern.upload.view import upload
from backends.modern.visit import Visit
from backends.steps import Steps
from backends.store import Store


async def upload_to(request: web.Request, visit: Visit) -> Answer:
    with open_stage(visit.store.directory, visit.captures["stage"]) as stage:
        return simple.MISSING if stage is None else await upload(request, _at(visit, stage))


def index(visit: Visit) -> Steps[Answer]:
    with open_stage(visit.store.directory, visit.captures["stage"]) as stage:
        return simple.MISSING if stage is None else _fresh((yield from simple.index(_at(visit, stage))))


def detail(visit: Visit) -> Steps[Answer]:
    with open_stage(visit.store.directory, visit.captures["stage"]) as stage:
        return simple.MISSING if stage is None else _fresh((yield from simple.detail(_at(visit, stage))))


async def file(_request: web.Request, visit: Visit) -> web.StreamResponse | Answer:
    """What is staged is on this host, as nothing else is: as bytes that no browser shows."""
    with open_stage(visit.store.directory, visit.captures["stage"]) as stage:
        if stage is None:
            return simple.MISSING
        root = (stage.files_directory / "packages").resolve()
    wanted = _below(root, visit.captures["path"])
    if wanted is None:
        return simple.MISSING
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    headers |= {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
    return web.FileResponse(wanted, headers=headers)


def _below(root: Path, path: str) -> Path | None:
    """The file that is there; None if there is none, or it cannot be one (a name that is too long)."""
    try:
        wanted = (root / path).resolve() if path.isprintable() else root
        return wanted if wanted.is_relative_to(root) and wanted.is_file() else None
    except OSError:
        return None


def _at(visit: Visit, stage: Store) -> Visit:
    prefix = f"/stages/{visit.captures['stage']}"
    return replace(visit, store=stage, prefix=prefix, own_files_url=visit.origin + prefix)


def _fresh(answer: Answer) -> Answer:
    """What is staged changes with each upload, and no cache is told."""
    kept = tuple(header for header in answer.headers if header[0] not in ("Cache-Control", "Surrogate-Control"))
    return replace(answer, headers=(*kept, ("Cache-Control", "no-store")))
