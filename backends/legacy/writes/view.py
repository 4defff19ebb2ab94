"""The exchange of a write: what came, who sent it, what became of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

from backends.legacy import answers
from backends.legacy.asked import Registration, Write
from backends.legacy.site import Site
from backends.legacy.writes.documenting import doc_upload
from backends.legacy.writes.filing import file_upload
from backends.legacy.writes.joining import user
from backends.legacy.writes.multipart import parts
from backends.legacy.writes.registering import submit, submit_pkg_info, verify
from backends.legacy.writes.threads import in_thread, threads_of
from backends.legacy.writes.writing import Done, NotTaken, Sent, Writing
from backends.store import Store, accounts
from backends.store.accounts import Account
from backends.upload.receiving import Form, receive
from backends.upload.refusal import Refusal

_ACTS: Final[Mapping[str, Callable[[Writing], Done]]] = {
    "doc_upload": doc_upload,
    "file_upload": file_upload,
    "submit": submit,
    "submit_pkg_info": submit_pkg_info,
    "verify": verify,
}


async def read(request: web.Request, store: Store | None, kept: ExitStack) -> Form:
    """What is not placed in the store is gone when `kept` ends; without one files are passed over. Raises Refusal."""
    told_apart = parts(request.content.iter_any(), request.headers[hdrs.CONTENT_TYPE])
    receiving = None if store is None else kept.enter_context(store.receive())
    return await receive(request, receiving, told_apart, threads_of(request))


async def write(
    request: web.Request, asked: Write | Registration, sent: Sent, directory: Path, now: datetime, site: Site
) -> Done:
    return await in_thread(threads_of(request), _act, asked, sent, directory, now, site)


def _act(asked: Write | Registration, sent: Sent, directory: Path, now: datetime, site: Site) -> Done:
    """In a thread of its own, with a store of its own: others are answered meanwhile."""
    act = user if isinstance(asked, Registration) else _ACTS[asked.action]
    with Store(directory) as store:
        try:
            return act(Writing(store, sent, _who(store, sent.authorization), now, site))
        except NotTaken as error:
            return Done(error.answer)
        except Refusal as error:
            return Done(answers.malformed(error.message))


def _who(store: Store, authorization: str) -> Account | None:
    """Who says a wrong password is nobody, as who says none."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return accounts.authenticated(store, name, password)
