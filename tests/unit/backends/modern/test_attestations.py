"""Attestations (PEP 740) are kept if they are about the file they come with, and signed as they say."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from attestations import Authority, text
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from packages import LAUNCH, wheel
from uploads import FLASK, form, upload

from backends.modern.app import make_app
from backends.modern.site import Site
from backends.store import Store

AUTHORITY = Authority("issuer")


async def sent(client: TestClient, *attestations: object) -> tuple[int, str]:
    return await upload(client, form(FLASK, attestations=json.dumps(attestations)))


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
    ],
)
async def test_attestations_are_given_as_provenance(client: TestClient, key: Any) -> None:
    attestations = [
        AUTHORITY.attest(FLASK, key),
        AUTHORITY.attest(FLASK, predicateType="https://predicates.test/built"),
    ]
    assert await sent(client, *attestations) == (200, "")
    async with client.get("/simple/flask/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}) as answer:
        page = json.loads(await answer.text())
    path = "/integrity/" + page["files"][0]["provenance"].partition("/integrity/")[2]
    async with client.get(path) as answer:
        [bundle] = json.loads(await answer.text())["attestation_bundles"]
    assert bundle == {"publisher": {"kind": "token", "claims": None}, "attestations": attestations}


@pytest.mark.parametrize("attestations", ["{}", "[]", "[1]", "nonsense", "[" * 100_000, json.dumps([{"version": 2}])])
async def test_attestations_of_another_shape_are_refused(client: TestClient, store: Store, attestations: str) -> None:
    status, message = await upload(client, form(FLASK, attestations=attestations))
    assert (status, message.partition(":")[0]) == (400, "Malformed attestations")
    assert store.projects() == []


@pytest.mark.parametrize("version", [True, 1.0, "1", 2, None])
async def test_a_version_that_is_not_the_integer_one_is_refused(client: TestClient, version: object) -> None:
    assert await sent(client, AUTHORITY.attest(FLASK) | {"version": version}) == (
        400,
        "Malformed attestations: one has not the shape of version 1.",
    )


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("verification_material", {}),
        ("verification_material", {"certificate": text(b"no certificate")}),
        ("verification_material", {"certificate": 1}),
        ("envelope", {"statement": "é", "signature": ""}),
        ("envelope", None),
    ],
)
async def test_what_cannot_be_read_of_one_is_malformed(client: TestClient, place: str, value: object) -> None:
    attestation = AUTHORITY.attest(FLASK) | {place: value}
    assert await sent(client, attestation) == (
        400,
        "Malformed attestations: one has no certificate, statement and signature in base64.",
    )


OTHER = wheel("Flask", "1.0", {"Summary": "other bytes"})
DIGEST = {"sha256": "0" * 64}


@pytest.mark.parametrize(
    ("attestation", "message"),
    [
        (AUTHORITY.attest(OTHER), "the digest in a statement is not that of the file received."),
        (AUTHORITY.attest(wheel("Django", "1.0")), "one is about 'django-1.0-py3-none-any.whl', not about"),
        (AUTHORITY.attest(FLASK, subject=[]), "one has no statement about just one file."),
        (AUTHORITY.attest(FLASK, subject=[{"name": "a", "digest": DIGEST}] * 2), "one has no statement about just"),
        (AUTHORITY.attest(FLASK, subject=[{"name": None, "digest": DIGEST}]), "one is about None"),
        (AUTHORITY.attest(FLASK, _type="x"), "a statement is not of a type that is known."),
        (AUTHORITY.attest(FLASK, signed=b"another statement"), "a signature is not by the key of its certificate."),
    ],
)
async def test_one_that_is_not_so_is_refused(
    client: TestClient, store: Store, attestation: dict[str, Any], message: str
) -> None:
    status, told = await sent(client, attestation)
    assert (status, told[: 22 + len(message)]) == (400, f"Invalid attestations: {message}")
    assert store.projects() == []


async def test_a_signature_of_another_one_is_no_signature(client: TestClient) -> None:
    first, second = AUTHORITY.attest(FLASK), copy.deepcopy(AUTHORITY.attest(FLASK))
    second["envelope"]["signature"] = first["envelope"]["signature"]
    assert (await sent(client, first, second))[0] == 400


async def test_a_key_of_another_kind_is_told(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    monkeypatch.setattr("attestations.signed", lambda *_: b"")
    status, message = await sent(client, AUTHORITY.attest(FLASK, key))  # type: ignore[arg-type]
    assert (status, message) == (400, "Invalid attestations: a certificate has a key of a kind that is not known.")


async def test_where_issuers_are_named_only_theirs_are_taken(store: Store) -> None:
    site = Site(upload_token="secret", attestation_issuers=(Authority("another").certificate, AUTHORITY.certificate))
    async with TestClient(TestServer(make_app(store, site, lambda: LAUNCH))) as client:
        for stranger in (Authority("stranger"), Authority("issuer")):  # a name is no proof
            assert await sent(client, stranger.attest(FLASK)) == (
                400,
                "Invalid attestations: a certificate is by no issuer that this site knows.",
            )
        late = copy.copy(AUTHORITY)
        late.began = LAUNCH - timedelta(hours=1)
        assert await sent(client, late.attest(FLASK)) == (
            400,
            "Invalid attestations: a certificate is not valid now.",
        )
        assert await sent(client, AUTHORITY.attest(FLASK)) == (200, "")
