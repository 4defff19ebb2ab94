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
from backends.modern.limiting import NEW_PROJECTS
from backends.modern.old_actions import GONE, action_of
from backends.modern.upload.attesting import check_attestations
from backends.modern.upload.form import Upload, gone, read_form
from backends.modern.upload.publishing import publish
from backends.modern.upload.signing import signature_of
from backends.modern.visit import Visit
from backends.purging import PURGER
from backends.upload.receiving import check_type, receive
from backends.upload.refusal import Refusal

Fields: TypeAlias = tuple[tuple[str, str], ...]

TAKEN = answers.found(b"", answers.PLAIN)

# A status line is for terminals: one line, and not for ever.
_LONGEST_REASON = 400


async def upload(request: web.Request, visit: Visit) -> Answer:
    try:
        await _check_request(request, visit)
        with visit.store.receive() as receiving:
            form = await receive(request, receiving)
            described = read_form(_with_action(form.fields, visit.query))
            if form.file is None:
                raise Refusal(400, "The form has no file: the field content is missing.")
            _check_rate(request, visit, described)
            digest, issuers = form.file.content.sha256, visit.site.attestation_issuers
            check_attestations(described.attestations, form.file.filename, digest, issuers, visit.now)
            signature = signature_of(form.signature) if visit.site.era.keeps_signatures else None
            tags = await asyncio.to_thread(publish, visit.store.directory, described, form.file, visit.now, signature)
    except Refusal as refusal:
        return _refused(refusal.status, refusal.told_at(visit.origin))
    if tags and (purger := request.app.get(PURGER)) is not None:
        await purger.purge(tags)
    return TAKEN


async def _check_request(request: web.Request, visit: Visit) -> None:
    """What is gone is gone for everybody, and however it is asked for."""
    if (action := visit.query.get(":action")) in GONE:
        raise gone(action)
    try:
        check_token(request.headers.get("Authorization", ""), visit)
        check_type(request)
    except Refusal:
        if (action := await action_of(request, visit.query)) in GONE:
            raise gone(action) from None
        raise


def _check_rate(request: web.Request, visit: Visit, described: Upload) -> None:
    limit = request.app.get(NEW_PROJECTS)
    if limit is None or visit.store.project(described.normalized) is not None:
        return
    if limit.wait(visit.client, visit.now) is not None:
        raise Refusal(429, "Too many new projects created")


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
