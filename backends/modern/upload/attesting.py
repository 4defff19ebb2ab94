"""Attestations that come with a file (PEP 740): their shape is checked, their signatures are not.

Who verifies a signature needs the roots that it is under, and this site is not what they vouch for: clients verify.
"""

from __future__ import annotations

import json
from typing import Final

from backends.modern.upload.refusal import Refusal

_MOST: Final = 2  # of one file: one by its publisher, one by its builder
_PARTS: Final = frozenset({"version", "verification_material", "envelope"})


def provenance_of(text: str) -> str | None:
    """The document that the integrity API gives for the file; None if nothing was attested."""
    if not text:
        return None
    try:
        attestations = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal(400, "Malformed attestations: they are not JSON.") from None
    if not isinstance(attestations, list) or not 1 <= len(attestations) <= _MOST:
        raise Refusal(400, f"Malformed attestations: they are to be an array of 1 to {_MOST}.")
    for attestation in attestations:
        if not isinstance(attestation, dict) or not attestation.keys() >= _PARTS or attestation["version"] != 1:
            raise Refusal(400, "Malformed attestations: one has not the shape of version 1.")
    bundle = {"publisher": None, "attestations": attestations}
    return json.dumps({"version": 1, "attestation_bundles": [bundle]})
