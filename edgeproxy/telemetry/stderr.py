"""What the edge tells its operator: one line on standard error, written in one go, so that workers' lines never mix."""

from __future__ import annotations

import sys
from contextlib import suppress

from edgeproxy.telemetry.printable import printable


def tell(text: str) -> None:
    with suppress(OSError, ValueError):  # nobody reads it any more: that costs the line, not the service
        sys.stderr.write("".join([f"edgeproxy: {printable(line)}\n" for line in text.splitlines()]))
        sys.stderr.flush()
