"""The whole system as client programs see it: an address to use as their proxy, and the edge's access log."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ROOT / "var" / "test-packages"
STAGES = ("1-legacy-only", "2-split-simple", "3-modern")
TOKEN = "a-token-of-the-tests"
TRUSTED = ("pypi.test", "legacy.pypi.test", "files.pypihosted.test")


@dataclass(frozen=True)
class System:
    """The edge's address, and a look into its access log."""

    stage: str
    proxy: str
    log: Path

    def exchanges(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def environment(self, tmp_path: Path) -> dict[str, str]:
        """What a client program gets: the edge as its only way out, and none of this machine's settings."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
        return kept | {
            "HOME": str(tmp_path),
            "HTTP_PROXY": self.proxy,
            "http_proxy": self.proxy,
            "NO_PROXY": "",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "PIP_CACHE_DIR": str(tmp_path / "pip-cache"),
            "PIP_PROXY": self.proxy,
            "PIP_TRUSTED_HOST": " ".join(TRUSTED),
            "UV_NO_CONFIG": "1",
            "UV_CACHE_DIR": str(tmp_path / "uv-cache"),
            "UV_PYTHON_DOWNLOADS": "never",
        }
