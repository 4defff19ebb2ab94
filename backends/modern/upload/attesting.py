"""Attestations that come with a file (PEP 740): what each says, who it says has signed it, and whether that can be so.

Laws of this module:
- a statement is about this file and nothing else, by its name and its SHA-256 digest;
- its signature is by the key of the certificate that comes with it, over the whole of it (DSSE);
- whose certificate it is matters only where an operator has named issuers: then one of them has issued it. Without
  them the signature says that nothing was changed since, and no more. No transparency log is asked: clients ask.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509 import Certificate, load_der_x509_certificate
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

from backends.upload.refusal import Refusal

_MOST: Final = 2  # of one file: one by its publisher, one by its builder
_PARTS: Final = frozenset({"version", "verification_material", "envelope"})
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_PAYLOAD: Final = b"application/vnd.in-toto+json"
_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class Attestation:
    said: Mapping[str, Any]  # as it was sent
    statement: bytes
    signature: bytes
    certificate: Certificate


def read_attestations(text: str) -> tuple[Attestation, ...]:
    """None of them if nothing was sent."""
    if not text:
        return ()
    try:
        sent = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal(400, "Malformed attestations: they are not JSON.") from None
    if not isinstance(sent, list) or not 1 <= len(sent) <= _MOST:
        raise Refusal(400, f"Malformed attestations: they are to be an array of 1 to {_MOST}.")
    return tuple(map(_read, sent))


def provenance_of(attestations: Sequence[Attestation]) -> str:
    """The document that the integrity API gives for the file. All that is known of its publisher is the token."""
    bundle = {"publisher": {"kind": "token", "claims": None}, "attestations": [each.said for each in attestations]}
    return json.dumps({"version": 1, "attestation_bundles": [bundle]})


def check_attestations(
    attestations: Sequence[Attestation],
    filename: str,
    sha256: str,
    issuers: Sequence[Certificate],
    now: datetime,
) -> None:
    for attestation in attestations:
        _check_statement(attestation.statement, filename, sha256)
        _check_signature(attestation)
        if issuers:
            _check_issuer(attestation.certificate, issuers, now)


def _read(said: object) -> Attestation:
    if not isinstance(said, dict) or not said.keys() >= _PARTS or not _is_one(said["version"]):
        raise Refusal(400, "Malformed attestations: one has not the shape of version 1.")
    material, envelope = said["verification_material"], said["envelope"]
    try:
        certificate = load_der_x509_certificate(_bytes(material["certificate"]))
        return Attestation(said, _bytes(envelope["statement"]), _bytes(envelope["signature"]), certificate)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise Refusal(
            400, "Malformed attestations: one has no certificate, statement and signature in base64."
        ) from None


def _is_one(version: object) -> bool:
    """Python's True and 1.0 are equal to 1, and are others in JSON."""
    return type(version) is int and version == 1


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        raise TypeError
    return base64.b64decode("".join(text.split()), validate=True)


def _check_statement(statement: bytes, filename: str, sha256: str) -> None:
    try:
        said = json.loads(statement)
        kind, predicate, (subject,) = said["_type"], said["predicateType"], said["subject"]
        name, digest = subject["name"], subject["digest"]["sha256"]
    except (KeyError, TypeError, ValueError, RecursionError):
        raise Refusal(400, "Invalid attestations: one has no statement about just one file.") from None
    if kind != _STATEMENT or not isinstance(predicate, str):
        raise Refusal(400, "Invalid attestations: a statement is not of a type that is known.")
    if not isinstance(name, str) or _parsed(name) != _parsed(filename):
        raise Refusal(400, f"Invalid attestations: one is about {name!r}, not about {filename!r}.")
    if digest != sha256:
        raise Refusal(400, "Invalid attestations: the digest in a statement is not that of the file received.")


def _parsed(filename: str) -> object:
    """What a file name says, however it is spelled."""
    try:
        return parse_wheel_filename(filename) if filename.endswith(".whl") else parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return filename


def _check_signature(attestation: Attestation) -> None:
    statement = attestation.statement
    signed = b"DSSEv1 %d %b %d %b" % (len(_PAYLOAD), _PAYLOAD, len(statement), statement)
    key = attestation.certificate.public_key()
    try:
        match key:
            case EllipticCurvePublicKey() if key.curve.name in _HASHES:
                key.verify(attestation.signature, signed, ECDSA(_HASHES[key.curve.name]))
            case Ed25519PublicKey():
                key.verify(attestation.signature, signed)
            case _:
                raise Refusal(400, "Invalid attestations: a certificate has a key of a kind that is not known.")
    except InvalidSignature:
        raise Refusal(400, "Invalid attestations: a signature is not by the key of its certificate.") from None


def _check_issuer(certificate: Certificate, issuers: Sequence[Certificate], now: datetime) -> None:
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise Refusal(400, "Invalid attestations: a certificate is not valid now.")
    if not any(_has_issued(issuer, certificate) for issuer in issuers):
        raise Refusal(400, "Invalid attestations: a certificate is by no issuer that this site knows.")


def _has_issued(issuer: Certificate, certificate: Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
