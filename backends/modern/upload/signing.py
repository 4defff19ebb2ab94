"""PGP signatures that came with files until May 2023: kept if they look like one, and never verified."""

from __future__ import annotations

from typing import Final

from backends.upload.refusal import Refusal

_ARMOUR: Final = b"-----BEGIN PGP SIGNATURE-----"
_LARGEST: Final = 8 << 10


def signature_of(sent: bytes | None) -> bytes | None:
    if not sent:
        return None
    if len(sent) > _LARGEST:
        raise Refusal(400, "Signature too large.")
    if not sent.startswith(_ARMOUR):
        raise Refusal(400, "PGP signature isn't ASCII armored.")
    return sent
