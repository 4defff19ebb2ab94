"""The legacy site over HTTP: what each path answers, with which headers."""

from __future__ import annotations

import asyncio
import shutil
from datetime import datetime
from typing import Any
from zipfile import ZIP_STORED

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from packages import Package, core_metadata, sdist, stored, zipped

from backends.legacy import app
from backends.legacy.app import make_app
from backends.store import File, Store

STANDING = {
    "X-Frame-Options": "deny",
    "X-XSS-Protection": "1; mode=block",
    "X-Content-Type-Options": "nosniff",
    "X-Clacks-Overhead": "GNU Terry Pratchett",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}

OLD_SDIST = "/packages/source/F/Flask/flask-0.12.2.tar.gz"


@pytest.fixture
def file(store: Store) -> File:
    found = store.file_named("flask-0.12.2.tar.gz")
    assert found is not None
    return found


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/simple",
        "/simple/",
        "/simple/flask/",
        "/simple/nope/",
        OLD_SDIST,
        "/packages/nope",
        "/packages/nope/",
        "/pypi",
        "/pypi/Flask",
        "/pypi/flask",
        "/pypi/nope",
        "/pypi/Flask/json",
        "/pypi?:action=submit",
        "/serial",
        "/daytime",
        "/nope",
        "/simple/line%0Abreak/",
    ],
)
async def test_every_answer_has_the_standing_headers(site: Any, path: str) -> None:
    got = await site.get(path)
    assert {name: got.headers.get(name) for name in STANDING} == STANDING


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/", 302, "/pypi"),
        ("/simple", 301, "/simple/"),
        ("/simple/flask", 301, "/simple/flask/"),
        ("/simple/Nope", 301, "/simple/Nope/"),
        ("/simple/Flask/", 301, "/simple/flask"),
        ("/simple/FLASK/", 301, "/simple/flask"),
        ("/simple/zope_interface/", 301, "/simple/zope-interface"),
        ("/simple/Zope.Interface/", 301, "/simple/zope.interface"),
        ("/simple/zope__interface/", 301, "/simple/zope-interface"),
        ("/packages", 301, "/packages/"),
        ("/packages/source/F", 301, "/packages/source/F/"),
        ("/pypi/flask/json", 301, "/pypi/Flask/json"),
        ("/pypi/flask/9.9/json", 301, "/pypi/Flask/9.9/json"),
        ("/pypi/zope-interface/json", 301, "/pypi/zope.interface/json"),
        ("/pypi?:action=json&name=flask", 301, "/pypi/Flask/json"),
        ("/pypi/flask", 301, "http://legacy.pypi.test/pypi/Flask"),
        ("/pypi/flask/0.2", 301, "http://legacy.pypi.test/pypi/Flask/0.2"),
        ("/pypi/Zope-Interface", 301, "http://legacy.pypi.test/pypi/zope.interface"),
        ("/pypi?:action=display&name=flask&version=0.2", 301, "http://legacy.pypi.test/pypi/Flask/0.2"),
    ],
)
async def test_a_redirect_has_a_location_and_nothing_else(site: Any, path: str, status: int, location: str) -> None:
    got = await site.get(path)
    assert (got.status, got.headers["Location"], got.body) == (status, location, b"")
    assert "Content-Type" not in got.headers


async def test_an_absolute_location_has_the_scheme_that_the_client_used(site: Any) -> None:
    got = await site.get("/pypi/flask", headers={"X-Forwarded-Proto": "https"})
    assert got.headers["Location"] == "https://legacy.pypi.test/pypi/Flask"


@pytest.mark.parametrize("path", ["/simple/flask/", "/simple/zope.interface/", "/simple/zope-interface/"])
async def test_both_safe_spellings_of_a_project_are_served(site: Any, path: str) -> None:
    assert (await site.get(path)).status == 200


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/simple/nope/", 404, "Not Found (nope does not exist)"),
        ("/simple/Nope/", 404, "Not Found (Nope does not have any releases)"),
        ("/simple/flask/0.2/", 404, "Not Found (flask/0.2)"),
        ("/simple/%C3%A9/", 404, "Not Found (\u00e9 does not have any releases)"),
        ("/pypi/nope", 404, "Not Found ()"),
        ("/pypi/Flask/9.9", 404, "Not Found ()"),
        ("/pypi/nope/json", 404, "Not Found (no releases)"),
        ("/pypi/Flask/9.9/json", 404, "Not Found (invalid name/version)"),
        ("/pypi/Flask/0.2.0/json", 404, "Not Found (invalid name/version)"),
        ("/pypi?:action=json", 404, "Not Found (no package name supplied)"),
        ("/pypi?:action=nope", 404, "Not Found ()"),
        ("/%ff", 404, "Not Found (/%ff is not UTF-8 encoded)"),
    ],
)
async def test_the_reason_phrase_of_an_error_is_its_body_too(site: Any, path: str, status: int, reason: str) -> None:
    got = await site.get(path)
    assert (got.status, got.reason) == (status, reason)
    assert got.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert got.text == f"{reason}\n\n"


async def test_a_line_break_in_a_path_stays_out_of_the_status_line(site: Any) -> None:
    got = await site.get("/simple/a%0D%0ASet-Cookie:%20x/")
    assert (got.status, got.reason) == (404, "Not Found (a  Set-Cookie: x does not have any releases)")
    assert "Set-Cookie" not in got.headers


async def test_a_repeated_action_is_an_error_of_the_form(site: Any) -> None:
    got = await site.get("/pypi?:action=json&:action=display")
    assert got.status == 400
    assert got.text == f"Error processing form\n\n{got.reason}\n\n"


@pytest.mark.parametrize("action", ["file_upload", "submit", "verify", "submit_pkg_info", "doc_upload"])
async def test_uploads_are_gone_for_a_year_to_a_host_of_their_own(site: Any, action: str) -> None:
    for got in (await site.get(f"/pypi?:action={action}"), await site.post("/pypi", data={":action": action})):
        assert got.status == 410
        assert "upload.pypi.test" in got.reason
        assert got.text == f"{got.reason}\n\n"
        assert got.headers["Cache-Control"] == "max-age=31557600, public"


async def test_an_upload_with_its_file_is_gone_too(site: Any) -> None:
    form = FormData({"name": "x", ":action": "file_upload", "protocol_version": "1"})
    package = sdist("x", "1.0")
    form.add_field("content", package.content, filename=package.filename)
    assert (await site.post("/pypi", data=form)).status == 410


NAMED = b'Content-Disposition: form-data; name="name"'


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--c\r\n\r\n--c--"),
        ("multipart/form-data; boundary=b", b"--b\r\nno header\r\n\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--"),
        ("application/x-www-form-urlencoded; charset=nope", b":action=json"),
        ("application/x-www-form-urlencoded", b"\xff"),
        ("application/x-www-form-urlencoded; charset=utf-7", b":action=json&name=%2B2AA-"),
        ("application/x-www-form-urlencoded; charset=punycode", b":action=json&name=a-b"),
        ("multipart/form-data; boundary=b; x=" + "y" * 1000, b"--b\r\n" + NAMED + b"\r\n\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=b", b"--b\r\n" + NAMED + b"; x=" + b"y" * 3000 + b"\r\n\r\nx\r\n--b--"),
    ],
)
async def test_a_form_that_cannot_be_read_is_an_error_of_the_form(site: Any, content_type: str, body: bytes) -> None:
    got = await site.post("/pypi", data=body, headers={"Content-Type": content_type})
    assert (got.status, got.text.splitlines()[0]) == (400, "Error processing form")


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_part_of_a_form_is_utf_8_whatever_it_says(site: Any, method: str) -> None:
    """Of what else Python knows, one takes the square of a text to read it."""
    part = b"--b\r\n" + NAMED + b"\r\nContent-Type: text/plain; charset=punycode\r\n\r\nFlask\r\n--b--"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    got = await site.get("/pypi?:action=display", method=method, data=part, headers=headers)
    assert (got.status, "Flask" in got.text) == (200, True)


async def test_a_body_beyond_the_limit_is_refused(site: Any) -> None:
    for size, status in ((app._LARGEST_FORM, 200), (app._LARGEST_FORM + 1, 413)):
        body = b"x=" + b"%" * (size - 2)
        assert (await site.post("/pypi", data=body, headers={"Content-Type": app._FORM_TYPE})).status == status


async def test_a_form_of_more_than_1000_fields_is_refused(site: Any) -> None:
    for count, status in ((1000, 200), (1001, 413), (200_000, 413)):
        got = await site.post("/pypi", data="&".join(["c=1"] * count), headers={"Content-Type": app._FORM_TYPE})
        assert (got.status, got.reason) == (status, "OK" if status == 200 else "Request Entity Too Large")


async def test_an_action_in_the_query_and_in_the_form_is_one_too_many(site: Any) -> None:
    assert (await site.post("/pypi?:action=json", data={":action": "json"})).status == 400


SIMPLE = {"Surrogate-Control": "max-age=86400", "Cache-Control": "max-age=600, public"}
NONE = {"Surrogate-Control": None, "Cache-Control": None, "Surrogate-Key": None, "X-PYPI-LAST-SERIAL": None}


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/simple", SIMPLE | {"Surrogate-Key": None}),
        ("/simple/", SIMPLE | {"Surrogate-Key": "simple simple-index", "X-PYPI-LAST-SERIAL": "9"}),
        ("/simple/flask/", SIMPLE | {"Surrogate-Key": "simple pkg~flask", "X-PYPI-LAST-SERIAL": "6"}),
        (
            "/simple/zope-interface/",
            SIMPLE | {"Surrogate-Key": "simple pkg~zope.interface", "X-PYPI-LAST-SERIAL": "9"},
        ),
        ("/simple/Flask/", SIMPLE | {"Surrogate-Key": None}),
        ("/simple/nope/", SIMPLE | {"Surrogate-Key": None, "X-PYPI-LAST-SERIAL": None}),
        (
            "/pypi/Flask/json",
            SIMPLE
            | {
                "Content-Type": 'application/json; charset="UTF-8"',
                "Content-Disposition": "inline",
                "Access-Control-Allow-Origin": "*",
                "Surrogate-Key": "json pkg~flask",
                "X-PYPI-LAST-SERIAL": "9",
            },
        ),
        ("/pypi/flask/json", NONE),
        ("/pypi/nope/json", NONE),
        ("/pypi", NONE | {"Content-Type": "text/html; charset=utf-8"}),
        ("/pypi/Flask", NONE | {"Content-Type": "text/html; charset=utf-8"}),
        ("/Simple/Flask/", NONE | {"Content-Type": "text/html; charset=utf-8"}),
        ("/simple/flask/?x=1", SIMPLE | {"ETag": None, "Vary": None, "Content-Type": "text/html; charset=utf-8"}),
        ("/packages/source/F", {"Cache-Control": "max-age=3600, public", "Surrogate-Key": None}),
        (
            "/packages/source/N/Nope/nope-1.tar.gz",
            {
                "Cache-Control": "max-age=3600, public",
                "Surrogate-Key": "package pkg~nope",
                "X-PyPI-Last-Serial": None,
                "ETag": None,
            },
        ),
        (
            OLD_SDIST,
            {
                "Cache-Control": "max-age=31557600, public",
                "Surrogate-Key": "package pkg~flask",
                "X-PyPI-Last-Serial": "6",
                "Content-Type": "application/octet-stream",
                "Accept-Ranges": "bytes",
                "Last-Modified": None,
            },
        ),
    ],
)
async def test_a_path_has_its_headers(site: Any, path: str, headers: dict[str, str | None]) -> None:
    got = await site.get(path)
    assert {name: got.headers.get(name) for name in headers} == headers


@pytest.mark.parametrize(
    "path",
    ["/", "/simple/", "/simple/flask/", "/simple/Flask/", "/simple/nope/", OLD_SDIST, "/pypi/Flask/json", "/serial"],
)
async def test_head_has_the_head_of_get(site: Any, path: str) -> None:
    whole, head = await site.get(path), await site.get(path, method="HEAD")
    assert (head.status, head.reason, head.body) == (whole.status, whole.reason, b"")
    without_date = [{k: v for k, v in got.headers.items() if k != "Date"} for got in (whole, head)]
    assert without_date[0] == without_date[1]


async def test_a_file_is_served_at_both_of_its_addresses(site: Any, file: File) -> None:
    for path in (OLD_SDIST, f"/{file.path}"):
        got = await site.get(path)
        assert got.status == 200
        assert len(got.body) == file.size
        assert got.headers["ETag"] == f'"{file.md5}"'


@pytest.mark.parametrize(
    "path",
    [
        "/packages/source/f/Flask/flask-0.12.2.tar.gz",
        "/packages/source/F/flask/flask-0.12.2.tar.gz",
        "/packages/2.7/F/Flask/flask-0.12.2.tar.gz",
        "/packages/py3/F/Flask/flask-0.12.2.tar.gz",
        f"/packages/00/00/{'0' * 60}/flask-0.12.2.tar.gz",
        "/packages/source/F/Flask/flask-0.12.2.tar.gz.asc",
        "/packages/source/F/Flask/",
        "/packages/source/F/Flask/../Flask/flask-0.12.2.tar.gz",
    ],
)
async def test_a_path_that_does_not_fit_the_file_is_not_found(site: Any, path: str) -> None:
    got = await site.get(path)
    assert (got.status, got.reason, got.body) == (404, "Not Found", b"")


async def test_a_file_whose_bytes_are_lost_is_not_found(site: Any, store: Store) -> None:
    shutil.rmtree(store.files_directory)
    assert (await site.get(OLD_SDIST)).status == 404


async def test_the_bare_hash_is_not_modified(site: Any, file: File) -> None:
    got = await site.get(OLD_SDIST, headers={"If-None-Match": file.md5})
    assert (got.status, got.body) == (304, b"")
    assert got.headers["ETag"] == f'"{file.md5}"'
    assert got.headers["Cache-Control"] == "max-age=31557600, public"
    assert (await site.get(OLD_SDIST, headers={"If-None-Match": f'"{file.md5}"'})).status == 200


async def test_a_part_of_a_file_is_served(site: Any, file: File) -> None:
    whole = (await site.get(OLD_SDIST)).body
    got = await site.get(OLD_SDIST, headers={"Range": "bytes=5-14"})
    assert (got.status, got.reason, got.body) == (206, "Partial Content", whole[5:15])
    assert got.headers["Content-Range"] == f"bytes 5-14/{file.size}"
    assert (await site.get(OLD_SDIST, headers={"Range": "bytes=-7"})).body == whole[-7:]


async def test_a_part_beyond_the_end_is_refused(site: Any, file: File) -> None:
    got = await site.get(OLD_SDIST, headers={"Range": f"bytes={file.size}-"})
    assert (got.status, got.reason, got.body) == (416, "Range Not Satisfiable", b"")
    assert got.headers["Content-Range"] == f"bytes */{file.size}"
    assert got.headers["Cache-Control"] == "max-age=3600, public"


async def test_the_clock_and_the_serial_are_plain_text(site: Any) -> None:
    daytime, serial = await site.get("/daytime"), await site.get("/serial")
    assert (daytime.text, daytime.headers["Content-Type"]) == ("20180430T23:59:58\n", "text/plain")
    assert (serial.text, serial.headers["Content-Type"]) == ("9", "text/plain")


async def test_a_project_of_one_release_shows_it_and_one_of_several_the_choice(site: Any) -> None:
    assert "zope_interface-4.4.3.tar.gz" in (await site.get("/pypi/zope.interface")).text
    assert "flask-0.2" not in (await site.get("/pypi/Flask")).text
    assert "flask-0.2-py3-none-any.whl" in (await site.get("/pypi/Flask/0.2")).text


async def test_a_document_may_be_asked_for_with_a_callback(site: Any) -> None:
    got = await site.get("/pypi/Flask/json?callback=f")
    assert got.text.startswith('f({\n    "info"')
    assert got.text.endswith("})")


async def test_the_document_without_a_version_is_that_of_the_newest(site: Any) -> None:
    newest, named = await site.get("/pypi/Flask/json"), await site.get("/pypi/Flask/0.12.2/json")
    assert newest.body == named.body


async def test_a_project_that_lost_its_files_keeps_its_page(site: Any, store: Store) -> None:
    for file in store.files("zope-interface"):
        store.remove_file(file.filename, file.upload_time)
    got = await site.get("/simple/zope.interface/")
    assert got.status == 200
    assert "<a " not in got.text
    assert '"4.4.3": []' in (await site.get("/pypi/zope.interface/json")).text


async def test_a_store_that_stopped_answering_is_an_error_of_the_site(site: Any, store: Store) -> None:
    store.close()
    got = await site.get("/serial")
    assert (got.status, got.reason) == (500, "Please try again later.")


async def test_many_at_once_are_answered(site: Any) -> None:
    answers = await asyncio.gather(*(site.get(path) for path in ("/simple/flask/", OLD_SDIST) * 20))
    assert {got.status for got in answers} == {200}


@pytest.mark.parametrize(
    "path", ["/pypi/{}", "/pypi/{}/json", "/pypi/Flask/{}", "/simple/{}", "/simple/{}/", "/packages/source/F/{}/x"]
)
async def test_an_encoded_control_character_is_in_no_name(site: Any, path: str) -> None:
    for number in (*range(0x20), 0x7F):
        got = await site.get(path.format(f"Flask%{number:02x}"))
        assert got.status in (301, 404), number
        assert got.status == 404 or f"%{number:02X}" in got.headers["Location"] or "flask-" in got.headers["Location"]


@pytest.mark.parametrize(
    "octets",
    [
        "GET {file} HTTP/1.1\r\n{host}\r\n",
        "POST /pypi HTTP/1.1\r\nContent-Type: text/xml\r\nContent-Length: 99\r\n{host}\r\n<x>",
        "POST /pypi HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n{host}\r\nx",
        "POST /pypi HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 99\r\n{host}\r\n--b",
    ],
)
async def test_a_client_may_leave_in_the_middle(
    site: Any, store: Store, caplog: pytest.LogCaptureFixture, octets: str
) -> None:
    members = {"big-1.0/big.bin": bytes(30 << 20), "big-1.0/PKG-INFO": core_metadata("Big", "1.0")}
    stored(store, Package("big-1.0.zip", zipped(members, ZIP_STORED)))
    file = store.file_named("big-1.0.zip")
    assert file is not None
    reader, writer = await asyncio.open_connection(site.host, site.port)
    writer.write(octets.format(file=f"/{file.path}", host="Host: legacy.pypi.test\r\n").encode())
    if octets.startswith("GET"):
        await reader.readexactly(1000)
    writer.close()
    await writer.wait_closed()
    await site.until_nobody_is_here()
    assert caplog.records == []


async def test_what_nobody_foresaw_is_a_500_of_the_site_s_own(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    def clock() -> datetime:
        raise OverflowError("the end of time")

    async with TestClient(TestServer(make_app(store, clock))) as client, client.get("/simple/") as answer:
        assert (answer.status, answer.reason) == (500, "There's been a problem with your request")
        assert answer.headers["X-Frame-Options"] == "deny"
    assert [record.getMessage() for record in caplog.records] == ["GET /simple/"]
