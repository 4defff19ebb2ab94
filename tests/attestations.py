"""Attestations of files (PEP 740), signed by certificates of an authority of the tests' own."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from packages import LAUNCH, Package

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

KIND = b"application/vnd.in-toto+json"


class Authority:
    def __init__(self, name: str, began: datetime = LAUNCH) -> None:
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.began = began
        self.certificate = self._certificate(self._name, self._key.public_key())

    def _certificate(self, name: x509.Name, key: Any) -> x509.Certificate:
        builder = x509.CertificateBuilder(self._name, name, key, x509.random_serial_number())
        builder = builder.not_valid_before(self.began).not_valid_after(self.began + timedelta(minutes=10))
        return builder.sign(self._key, hashes.SHA256())

    def attest(self, package: Package, key: Key | None = None, **changes: Any) -> dict[str, Any]:
        """`changes` are of the statement, but for `signed`: what is signed in its stead."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        certificate = self._certificate(x509.Name([]), key.public_key())
        said = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": package.filename, "digest": {"sha256": sha256(package.content).hexdigest()}}],
            "predicateType": "https://predicates.test/publish/v1",
            "predicate": None,
        }
        statement = json.dumps(
            {**said, **{name: value for name, value in changes.items() if name != "signed"}}
        ).encode()
        signature = signed(key, changes.get("signed", statement))
        return {
            "version": 1,
            "verification_material": {
                "certificate": text(certificate.public_bytes(serialization.Encoding.DER)),
                "transparency_entries": [{}],
            },
            "envelope": {"statement": text(statement), "signature": text(signature)},
        }


def signed(key: Key, statement: bytes) -> bytes:
    octets = b"DSSEv1 %d %b %d %b" % (len(KIND), KIND, len(statement), statement)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(octets)
    return key.sign(octets, ec.ECDSA({256: hashes.SHA256(), 384: hashes.SHA384()}[key.curve.key_size]))


def text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
