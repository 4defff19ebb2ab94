"""What a file must be called, given what it is."""

from __future__ import annotations

import re

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from backends.modern.upload.form import Upload
from backends.upload.refusal import Refusal

_LINUX = r"(x86_64|i686|aarch64|armv7l|ppc64|ppc64le|s390x|riscv64|loongarch64)"
_MAC = r"(arm64|x86_64|universal2?|intel|i386|ppc|ppc64|fat|fat3|fat32|fat64)"

# Only what says on which machines it runs: a plain `linux_x86_64` wheel runs where it was built.
_PLATFORM = re.compile(
    r"any"
    r"|win32|win_(amd64|arm64|ia64)"
    r"|linux_armv[67]l"
    rf"|manylinux(1|2010|2014|_\d+_\d+)_{_LINUX}"
    rf"|musllinux_\d+_\d+_{_LINUX}"
    rf"|macosx_\d+_\d+_{_MAC}"
    r"|ios_\d+_\d+_(arm64|x86_64)_iphone(os|simulator)"
    r"|android_\d+_(arm64_v8a|armeabi_v7a|x86|x86_64)"
    r"|pyodide_\d+_\d+_wasm32"
)


def check_filename(filename: str, upload: Upload) -> None:
    stem = upload.normalized.replace("-", "_")
    if upload.packagetype == "bdist_wheel":
        _check_wheel(filename, upload, stem)
    elif filename != (expected := f"{stem}-{upload.version}.tar.gz"):
        raise Refusal(400, f"Filename {filename!r} is invalid, should be {expected!r}.")


def _check_wheel(filename: str, upload: Upload, stem: str) -> None:
    try:
        _, version, _, tags = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise Refusal(400, f"Filename {filename!r} is invalid: {error}") from error
    if filename.partition("-")[0] != stem:
        raise Refusal(400, f"Filename {filename!r} is invalid, should start with '{stem}-'.")
    if version != upload.version:
        raise Refusal(400, f"Filename {filename!r} is invalid: its version is not {upload.version}.")
    if set(upload.python_version.lower().split(".")) != (own := {tag.interpreter for tag in tags}):
        raise Refusal(400, f"Invalid value for pyversion. Error: that of {filename!r} is {'.'.join(sorted(own))!r}.")
    for tag in sorted(tags, key=str):
        if not _PLATFORM.fullmatch(tag.platform):
            raise Refusal(400, f"Binary wheel {filename!r} has an unsupported platform tag {tag.platform!r}.")
