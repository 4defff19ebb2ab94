"""`edgeproxy shadow` of the edge whose control socket is in a place."""

from __future__ import annotations

from pathlib import Path

from verbs import verb


async def shadow(place: Path, *words: str) -> tuple[int, str]:
    return await verb("shadow", *words, "--control", place / "control")
