"""What a captured request says behind its head."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request says behind its head. `call`: the method of an XML-RPC call; `sent`: octets of its body, of which
    `body` is all, as far as it may be kept.
    """

    call: str | None
    sent: int
    body: bytes | None
