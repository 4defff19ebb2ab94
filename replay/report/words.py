"""How figures are written."""

from __future__ import annotations

from datetime import UTC, datetime


def milliseconds(seconds: float | None) -> str:
    """With three significant digits, as they were counted."""
    if seconds is None:
        return "–"
    value = seconds * 1_000
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def share_name(share: float) -> str:
    return "max" if share >= 1 else f"p{share * 100:g}"


def per_second(number: int, seconds: float) -> str:
    rate = number / seconds if seconds else 0.0
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:,.2f}/s"


def size(octets: int) -> str:
    value = float(octets)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"
        value /= 1024
    return f"{value:,.1f} GiB"


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def percent(part: float, whole: float) -> str:
    if not whole:
        return "–"
    share = part / whole * 100
    return f"{share:.1f} %" if share >= 0.1 or not part else "< 0.1 %"
