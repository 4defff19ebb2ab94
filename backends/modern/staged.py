"""A stage as an index of its own: uploaded to and read as the site is, with its files beside its pages."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from backends.modern import simple
from backends.modern.answers import Answer
from backends.modern.staging import open_stage
from backends.modern.upload.view import upload
from backends.modern.visit import Visit
from backends.store import Store


async def upload_to(request: web.Request, visit: Visit) -> Answer:
    with open_stage(visit.store.directory, visit.captures["stage"]) as stage:
        return simple.MISSING if stage is None else await upload(request, _at(visit, stage))


def index(visit: Visit) -> Answer:
    with open_stage(visit.store.directory, visit.captures["stage"]) as stage:
        return simple.MISSING if stage is None else _fresh(simple.index(_at(visit, stage)))


def detail(visit: Visit) -> Answer:
    with open_stage(visit.store.directory, visit.captures["stage"]) as stage:
        return simple.MISSING if stage is None else _fresh(simple.detail(_at(visit, stage)))


async def file(_request: web.Request, visit: Visit) -> web.StreamResponse | Answer:
    """What is staged is on this host, as nothing else is: as bytes that no browser shows."""
    with open_stage(visit.store.directory, visit.captures["stage"]) as stage:
        if stage is None:
            return simple.MISSING
        root = (stage.files_directory / "packages").resolve()
    path = visit.captures["path"]
    wanted = (root / path).resolve() if path.isprintable() else root
    if not wanted.is_relative_to(root) or not wanted.is_file():
        return simple.MISSING
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    headers |= {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
    return web.FileResponse(wanted, headers=headers)


def _at(visit: Visit, stage: Store) -> Visit:
    prefix = f"/stages/{visit.captures['stage']}"
    return replace(visit, store=stage, prefix=prefix, own_files_url=visit.origin + prefix)


def _fresh(answer: Answer) -> Answer:
    """What is staged changes with each upload, and no cache is told."""
    kept = tuple(header for header in answer.headers if header[0] not in ("Cache-Control", "Surrogate-Control", "ETag"))
    return replace(answer, headers=(*kept, ("Cache-Control", "no-store")))
