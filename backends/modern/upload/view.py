"""The exchange of an upload: who may, what came, what became of it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import TypeAlias

from aiohttp import web

from backends.modern import answers
from backends.modern.answers import Answer
from backends.modern.upload.form import read_form
from backends.modern.upload.publishing import publish
from backends.modern.upload.receiving import receive
from backends.modern.upload.refusal import Refusal
from backends.modern.visit import Visit
from backends.purging import PURGER

Fields: TypeAlias = tuple[tuple[str, str], ...]

TAKEN = answers.found(b"", answers.PLAIN)

# A status line is for terminals: one line, and not for ever.
_LONGEST_REASON = 400


async def upload(request: web.Request, visit: Visit) -> Answer:
    try:
        check_token(request.headers.get("Authorization", ""), visit)
        with visit.store.receive() as receiving:
            form = await receive(request, receiving)
            described = read_form(_with_action(form.fields, visit.query))
            if form.file is None:
                raise Refusal(400, "The form has no file: the field content is missing.")
            changed = await asyncio.to_thread(publish, visit.store.directory, described, form.file, visit.now)
    except Refusal as refusal:
        return _refused(refusal.status, refusal.told_at(visit.origin))
    if changed and (purger := request.app.get(PURGER)) is not None:
        await purger.purge(described.normalized)
    return TAKEN


def _with_action(fields: Fields, query: Mapping[str, str]) -> Fields:
    """The action may be in the form or in the query."""
    if ":action" not in query or any(name == ":action" for name, _ in fields):
        return fields
    return (*fields, (":action", query[":action"]))


def check_token(authorization: str, visit: Visit) -> None:
    """403, not 401: uploaders are to show their credentials unasked."""
    expected = visit.site.upload_token
    if expected is None:
        raise Refusal(403, "This site takes no uploads: it was started without a token for them.")
    user, _, token = _credentials(authorization).partition(b":")
    if user != b"__token__" or not hmac.compare_digest(token, expected.encode()):
        raise Refusal(
            403,
            "Invalid or non-existent authentication information.",
            "invalid-auth",
        )


def _credentials(authorization: str) -> bytes:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _refused(status: int, message: str) -> Answer:
    line = " ".join(message.split())[:_LONGEST_REASON]
    reason = "".join(character if " " <= character <= "~" else "?" for character in line)
    return Answer(status, (("Content-Type", answers.PLAIN),), message.encode(), reason)
