"""Content, coded: decoded again by the libraries' own readers, and the same each time."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable

import brotli
import pytest
import zstandard

from edgeproxy.proxy.cache.compress import compress
from edgeproxy.ruleset.modifiers import Coding

DECODERS: dict[Coding, Callable[[bytes], bytes]] = {
    Coding.GZIP: gzip.decompress,
    Coding.BR: brotli.decompress,
    Coding.ZSTD: lambda content: zstandard.ZstdDecompressor().decompress(content),
}
PAGE = b"<!DOCTYPE html>" + b'<a href="../packages/thing-1.0.tar.gz">thing-1.0.tar.gz</a><br />\n' * 300


@pytest.mark.parametrize("coding", Coding)
@pytest.mark.parametrize("content", [b"", b"x", PAGE, os.urandom(3000), bytes(300_000)], ids=len)
def test_coded_content_decodes_to_what_it_was(coding, content):
    assert DECODERS[coding](compress(coding, content)) == content


@pytest.mark.parametrize("coding", Coding)
def test_a_page_becomes_much_shorter(coding):
    assert len(compress(coding, PAGE)) < len(PAGE) / 20


@pytest.mark.parametrize("coding", Coding)
def test_another_process_codes_the_same_octets(coding):
    code = (
        "import sys; from edgeproxy.proxy.cache.compress import compress; from edgeproxy.ruleset.modifiers import Coding;"
        f"sys.stdout.buffer.write(compress(Coding({coding.value!r}), sys.stdin.buffer.read()))"
    )
    other = subprocess.run([sys.executable, "-c", code], input=PAGE, capture_output=True, check=True)
    assert other.stdout == compress(coding, PAGE)


def test_gzip_names_no_time_and_no_file():
    head = compress(Coding.GZIP, PAGE)[:10]
    assert head[:2] == b"\x1f\x8b"
    assert head[3] == 0  # no name, no comment
    assert head[4:8] == bytes(4)  # no time


def test_zstd_needs_no_larger_window_than_clients_must_have():  # RFC 9659
    large = compress(Coding.ZSTD, bytes(12_000_000))
    assert zstandard.get_frame_parameters(large).window_size <= 8 << 20
