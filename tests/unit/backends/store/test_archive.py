"""Wheels and sdists are read for what they say, and hostile or broken ones are refused with the reason."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from packages import Package, core_metadata, sdist, tarred, wheel, zipped

from backends.store import BadArchive, Distribution, read_distribution
from backends.store import unpacking as limits


def read(directory: Path, package: Package) -> Distribution:
    path = directory / "received"
    path.write_bytes(package.content)
    return read_distribution(path, package.filename)


def test_a_wheel_says_its_tags_and_metadata(tmp_path: Path) -> None:
    read_back = read(tmp_path, wheel("Zope.Interface", "5.0", {"Summary": "Größe"}, tags="cp311-cp311-win32"))
    assert (read_back.packagetype, read_back.python_version) == ("bdist_wheel", "cp311")
    assert read_back.metadata["name"] == "Zope.Interface"
    assert read_back.metadata["summary"] == "Größe"
    assert read_back.wheel_metadata == core_metadata("Zope.Interface", "5.0", {"Summary": "Größe"})


def test_an_sdist_is_read_from_its_top_directory_only(tmp_path: Path) -> None:
    top = {"a-1.0/sub/PKG-INFO": core_metadata("b", "2"), "a-1.0/PKG-INFO": core_metadata("a", "1.0")}
    read_back = read(tmp_path, Package("a-1.0.tar.gz", tarred(top)))
    assert (read_back.packagetype, read_back.python_version, read_back.wheel_metadata) == (
        "sdist",
        "source",
        None,
    )
    assert read_back.metadata["name"] == "a"


def test_a_zip_sdist_is_read_too(tmp_path: Path) -> None:
    content = zipped({"a-1.0/PKG-INFO": core_metadata("a", "1.0")})
    assert read(tmp_path, Package("a-1.0.zip", content)).metadata["version"] == "1.0"


INFO = {"a-1.0.dist-info/METADATA": core_metadata("a", "1.0")}
WHEEL = "a-1.0-py3-none-any.whl"


def linked(target: str) -> bytes:
    """A wheel with a symbolic link in it."""
    out = io.BytesIO(wheel("a", "1.0").content)
    with zipfile.ZipFile(out, "a") as archive:
        link = zipfile.ZipInfo("a/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, target)
    return out.getvalue()


def with_member(member: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    info = core_metadata("a", "1.0")
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        said = tarfile.TarInfo("a-1.0/PKG-INFO")
        said.size = len(info)
        archive.addfile(said, io.BytesIO(info))
        archive.addfile(member)
    return out.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (zipped(INFO), "it has no a-1.0.dist-info/WHEEL"),
        (zipped({**INFO, "a-1.0.dist-info/WHEEL": b""}), "it has no a-1.0.dist-info/RECORD"),
        (zipped({"zzz-9.dist-info/METADATA": core_metadata("a", "1.0")}), "its zzz-9.dist-info is not that of a 1.0"),
        (zipped({**INFO, "../../evil.py": b""}), "would be unpacked elsewhere"),
        (zipped({**INFO, "a/..\\..\\evil.py": b""}), "would be unpacked elsewhere"),
        (zipped({**INFO, "/etc/x": b""}), "would be unpacked elsewhere"),
        (zipped({**INFO, "C:/x": b""}), "would be unpacked elsewhere"),
        (linked("/etc/passwd"), "links to '/etc/passwd', which is elsewhere"),
        (linked("../../x"), "links to '../../x', which is elsewhere"),
        (b"<script>alert(1)</script>" + wheel("a", "1.0").content, "octets before the zip"),
        (wheel("a", "1.0").content + b"<script>alert(1)</script>", "octets after the zip"),
    ],
)
def test_a_wheel_that_one_should_not_unpack_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(BadArchive, match=reason):
        read(tmp_path, Package(WHEEL, content))


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (member("../../../etc/x"), "would be unpacked elsewhere"),
        (member("/etc/x"), "would be unpacked elsewhere"),
        (member("a-1.0/link", tarfile.SYMTYPE, "/etc/passwd"), "links to '/etc/passwd', which is elsewhere"),
        (member("a-1.0/link", tarfile.SYMTYPE, "../../x"), "links to '../../x', which is elsewhere"),
        (member("a-1.0/link", tarfile.LNKTYPE, "../x"), "would be unpacked elsewhere"),
        (member("a-1.0/pipe", tarfile.FIFOTYPE), "is a device or a pipe"),
    ],
)
def test_an_sdist_that_one_should_not_unpack_is_refused(tmp_path: Path, odd: tarfile.TarInfo, reason: str) -> None:
    with pytest.raises(BadArchive, match=reason):
        read(tmp_path, Package("a-1.0.tar.gz", with_member(odd)))


def test_links_within_are_taken(tmp_path: Path) -> None:
    assert read(tmp_path, Package(WHEEL, linked("../a.py"))).metadata["name"] == "a"
    content = with_member(member("a-1.0/doc/link", tarfile.SYMTYPE, "../PKG-INFO"))
    assert read(tmp_path, Package("a-1.0.tar.gz", content)).metadata["name"] == "a"


def test_the_info_directory_may_be_spelled_as_the_author_spells_it(tmp_path: Path) -> None:
    members = {
        f"Zope.Interface-5.dist-info/{name}": core_metadata("zope.interface", "5.0")
        for name in ("METADATA", "WHEEL", "RECORD")
    }
    package = Package("zope.interface-5.0-py3-none-any.whl", zipped(members))
    assert read(tmp_path, package).metadata["name"] == "zope.interface"


def test_a_member_with_other_bytes_than_its_directory_says_is_refused(tmp_path: Path) -> None:
    content = bytearray(wheel("a", "1.0", data=bytes(range(256)) * 40).content)
    content[content.index(b"a.data") + 20] ^= 1
    with pytest.raises(BadArchive, match="not a readable zip"):
        read(tmp_path, Package(WHEEL, bytes(content)))


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_file_that_unpacks_to_fifty_times_itself_is_refused(tmp_path: Path, kind: str) -> None:
    zeros = b"\0" * (limits.RATIO_FROM + 1)
    pack = {"zip": zipped, "tar.gz": tarred}[kind]
    package = Package(f"a-1.0.{kind}", pack({"a-1.0/PKG-INFO": core_metadata("a", "1.0"), "a-1.0/zeros": zeros}))
    with pytest.raises(BadArchive, match="exceeds compression ratio of 50"):
        read(tmp_path, package)


def test_a_zip_that_unpacks_to_much_is_refused_by_what_it_says(tmp_path: Path) -> None:
    content = bytearray(wheel("a", "1.0").content)
    struct.pack_into("<L", content, content.index(b"PK\1\2") + 24, limits.MOST_UNPACKED + 1)
    with pytest.raises(BadArchive, match="unpacks to more"):
        read(tmp_path, Package(WHEEL, bytes(content)))


@pytest.mark.parametrize(
    ("filename", "content", "reason"),
    [
        ("a-1.0.exe", b"MZ", "neither a wheel"),
        ("../a-1.0.tar.gz", b"", "characters that"),
        (".a-1.0.tar.gz", b"", "characters that"),
        ("a-1.0\n.tar.gz", b"", "characters that"),
        ("a" * 240 + "-1.0.tar.gz", b"", "too long"),
        ("a-1.0.whl", zipped(INFO), "Invalid wheel filename"),
        ("a-1.0-py3-none-any.whl", b"plain text", "not a readable zip"),
        ("a-1.0-py3-none-any.whl", b"", "not a readable zip"),
        ("a-1.0-py3-none-any.whl", zipped(INFO)[:-30], "not a readable zip"),
        ("a-1.0-py3-none-any.whl", zipped({"a.py": b""}), "it has no METADATA"),
        ("a-1.0-py3-none-any.whl", zipped({**INFO, "b-1.0.dist-info/METADATA": b""}), "2 METADATA"),
        ("a-1.0-py3-none-any.whl", zipped(INFO, zipfile.ZIP_LZMA), "unusual method"),
        ("b-1.0-py3-none-any.whl", zipped(INFO), "its name says project b, its metadata a"),
        ("a-1.1-py3-none-any.whl", zipped(INFO), "its name says version 1.1, its metadata 1.0"),
        ("a-1.0.tar.gz", b"plain text", "not a readable tar.gz"),
        ("a-1.0.tar.gz", gzip.compress(b"no tar", mtime=0), "not a readable tar.gz"),
        ("a-1.0.tar.gz", sdist("a", "1.0").content[:-20], "not a readable tar.gz"),
        ("a-1.0.tar.gz", tarred({"a-1.0/setup.py": b""}), "no PKG-INFO"),
        ("a-1.0.tar.gz", tarred({"a/PKG-INFO": b"x", "b/PKG-INFO": b"x"}), "2 PKG-INFO"),
        ("a-1.0.tar.gz", tarred({"a-1.0/PKG-INFO": b"Name: a\n"}), "has no Version"),
        ("a-1.0.tar.gz", tarred({"a-1.0/PKG-INFO": b"Version: 1.0\n"}), "has no Name"),
        ("a-1.0.tar.gz", tarred({"a-1.0/PKG-INFO": b"Name: <a>\nVersion: 1.0\n"}), "a Name that no project"),
        ("a-1.0.tar.gz", tarred({"a-1.0/PKG-INFO": b"Name: a\nVersion: x\n"}), "its metadata x"),
        ("a-x.tar.gz", tarred({"a-x/PKG-INFO": b"Name: b\nVersion: x\n"}), "not that of b x"),
    ],
)
def test_a_file_is_refused_because(tmp_path: Path, filename: str, content: bytes, reason: str) -> None:
    with pytest.raises(BadArchive, match=reason):
        read(tmp_path, Package(filename, content))


def peak_of_refusing(directory: Path, package: Package, reason: str) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(BadArchive, match=reason):
            read(directory, package)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_metadata_that_unpacks_to_much_is_not_unpacked(tmp_path: Path) -> None:
    bomb = zipped({"a-1.0.dist-info/METADATA": b"\0" * (64 << 20)})
    package = Package("a-1.0-py3-none-any.whl", bomb)
    assert peak_of_refusing(tmp_path, package, "larger than") < 16 << 20


def test_a_zip_whose_directory_is_huge_is_not_read(tmp_path: Path) -> None:
    size = limits.MOST_AT_ONCE + 1
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, size, 0, 0)
    package = Package("a-1.0-py3-none-any.whl", b"\0" * size + end)
    assert peak_of_refusing(tmp_path, package, "at once") < 16 << 20


def tar_header(name: str, size: int, kind: bytes) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.USTAR_FORMAT)


def test_a_tar_with_a_huge_extended_header_is_not_read(tmp_path: Path) -> None:
    size = 64 << 20
    bomb = gzip.compress(tar_header("h", size, tarfile.XHDTYPE) + b"\0" * size, compresslevel=1)
    assert peak_of_refusing(tmp_path, Package("a-1.0.tar.gz", bomb), "at once") < 16 << 20


def test_a_tar_with_many_large_extended_headers_is_not_kept_in_memory(tmp_path: Path) -> None:
    record = b"1048576 comment=" + b"x" * (1048576 - 17) + b"\n"
    part = tar_header("h", len(record), tarfile.XHDTYPE) + record + tar_header("a-1.0/x", 0, tarfile.REGTYPE)
    bomb = gzip.compress(part * 60, compresslevel=1)
    assert peak_of_refusing(tmp_path, Package("a-1.0.tar.gz", bomb), "headers have more than") < 48 << 20


def test_a_tar_that_unpacks_to_much_is_given_up(tmp_path: Path) -> None:
    size = limits.MOST_UNPACKED + 1024
    claim = gzip.compress(tar_header("a-1.0/zeros", size, tarfile.REGTYPE))
    with pytest.raises(BadArchive, match="unpacks to more"):
        read(tmp_path, Package("a-1.0.tar.gz", claim))


def test_a_tar_of_countless_members_is_given_up(tmp_path: Path) -> None:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=1) as packed:
        packed.write(tar_header("a-1.0/x", 0, tarfile.REGTYPE) * (limits.MOST_MEMBERS + 1))
    with pytest.raises(BadArchive, match="members"):
        read(tmp_path, Package("a-1.0.tar.gz", out.getvalue()))
