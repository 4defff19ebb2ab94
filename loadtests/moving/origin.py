"""An origin that says its name, to whatever it is asked (`python -m` runs it)."""

from __future__ import annotations

import sys

from loadtests.bench.answering import answer_until_ended, ok
from loadtests.bench.origin import by_prefix

if __name__ == "__main__":
    port, name = int(sys.argv[1]), sys.argv[2].encode()
    answer_until_ended(by_prefix({b"/": ok((("Content-Length", str(len(name))),), name)}), port)
