"""The browser that tests drive: a Chromium, found where systems have it. `make browser` runs this module, which installs
Debian's where there is none and it may.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chromium-headless-shell")
_ELSEWHERE = "PROXY 127.0.0.1:9"  # where nobody listens
_APT = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300")  # others may install at the same time

# Headless, without a sandbox (which root cannot have), and without what it would ask the network for by itself.
OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps"),
    *("--no-default-browser-check", "--metrics-recording-only", "--disable-extensions", "--disable-domain-reliability"),
    *("--disable-features=Translate,OptimizationHints,MediaRouter,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",),
)


def through(proxy: str) -> str:
    """An option: sites under .test by this proxy, and nothing else anywhere, since a browser has its own to ask for."""
    ways = f'/[.]test$/.test(host) ? "PROXY {proxy.removeprefix("http://")}" : "{_ELSEWHERE}"'
    script = f"function FindProxyForURL(url, host) {{ return {ways}; }}"
    return f"--proxy-pac-url=data:application/x-ns-proxy-autoconfig,{quote(script)}"


def find_browser() -> Path | None:
    """EDGEPROXY_BROWSER, in the environment, says it where it has another name."""
    named = os.environ.get("EDGEPROXY_BROWSER")
    found = (shutil.which(name) for name in ((named,) if named else _NAMES))
    return next((Path(each) for each in found if each is not None), None)


def browser_or_skip() -> Path:
    """In CI it has to be there."""
    browser = find_browser()
    if browser is None and os.environ.get("CI"):
        pytest.fail("there is no browser: `make browser` installs one")
    if browser is None:
        pytest.skip("there is no Chromium here: `make browser`, as root, installs Debian's")
    return browser


def main() -> int:
    if find_browser() is not None:
        return 0
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.stderr.write(
            "there is no Chromium here, and this is not root on a Debian: tests with a browser are skipped\n"
        )
        return 0
    sys.stderr.write("installing Chromium, for tests with a browser\n")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (("update",), ("install", "-y", "--no-install-recommends", "chromium")):
        if subprocess.run((*_APT, *arguments), env=environment, check=False, stdout=subprocess.DEVNULL).returncode:
            sys.stderr.write("it could not be installed: tests with a browser are skipped\n")
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
