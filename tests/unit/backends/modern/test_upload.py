"""Uploads as twine and uv send them, and each reason for which one is refused."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta
from hashlib import blake2b, md5, sha256

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from packages import LAUNCH, Package, core_metadata, sdist, stored, tarred, wheel, zipped
from uploads import FLASK, TOKEN, basic, fields_for, form, upload

from backends.modern.app import make_app
from backends.modern.site import Site
from backends.store import Store, unpacking
from backends.store.model import Status
from backends.upload import receiving


async def test_an_uploaded_wheel_is_in_the_index_at_once(client: TestClient, store: Store) -> None:
    fields: dict[str, str | list[str] | None] = {
        "summary": "A framework",
        "requires_python": ">=3.8",
        "classifiers": ["Framework :: Flask", "Topic :: Internet"],
        "project_urls": ["Source, http://pypi.test/source", "Docs,http://pypihosted.test/flask"],
        "keywords": "web, wsgi",
        "platform": ["any"],
        "license_file": ["LICENSE"],
        "metadata_version": "2.4",
        "author": "UNKNOWN",
        "comment": "first",
    }
    assert await upload(client, form(FLASK, **fields)) == (200, "")
    [file], [release] = store.files("flask"), store.releases("flask")
    assert (file.project, file.filename, file.comment) == ("Flask", FLASK.filename, "first")
    assert (file.requires_python, file.upload_time) == (">=3.8", LAUNCH)
    assert (store.files_directory / file.path).read_bytes() == FLASK.content
    metadata = store.files_directory / f"{file.path}.metadata"
    assert metadata.read_bytes() == core_metadata("Flask", "1.0", {"Requires-Python": ">=3.8"})
    assert release.several("classifiers") == ("Framework :: Flask", "Topic :: Internet")
    assert release.labelled("project_urls")["Docs"] == "http://pypihosted.test/flask"
    assert release.several("keywords") == ("web", "wsgi")
    assert (release.several("platforms"), release.several("license_files")) == (("any",), ("LICENSE",))
    assert "author" not in release.metadata
    async with client.get("/simple/flask/") as answer:
        assert FLASK.filename in await answer.text()


async def test_an_sdist_joins_the_release(client: TestClient, store: Store) -> None:
    assert await upload(client, form(FLASK)) == (200, "")
    assert await upload(client, form(sdist("Flask", "1.0"), version="1.0.0", pyversion=None)) == (
        400,
        "Filename 'flask-1.0.tar.gz' is invalid, should be 'flask-1.0.0.tar.gz'.",
    )
    assert await upload(client, form(sdist("Flask", "1.0"), pyversion=None)) == (200, "")
    assert len(store.files("flask", "1.0")) == 2


async def test_the_same_upload_again_changes_nothing(client: TestClient, store: Store) -> None:
    await upload(client, form(FLASK))
    serial = store.last_serial()
    assert await upload(client, form(FLASK)) == (200, "")
    assert store.last_serial() == serial


async def test_uploads_without_the_token_are_forbidden(client: TestClient, store: Store) -> None:
    shown = [basic("__token__", "wrong"), basic("armin", "secret"), basic("", ""), basic("__token__", "sécret")]
    for authorization in ["", *shown, "Basic", "Basic %%%", "Bearer secret"]:
        status, message = await upload(client, form(FLASK), authorization)
        assert status == 403
        assert message.startswith("Invalid or non-existent authentication information")
    assert store.projects() == []


async def test_a_site_without_a_token_takes_nothing(store: Store) -> None:
    async with TestClient(TestServer(make_app(store, Site(), lambda: LAUNCH))) as client:
        assert (await upload(client, form(FLASK)))[0] == 403


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"__action": "submit"}, 410, "The action submit is gone"),
        ({"__action": "doc_upload"}, 410, "The action doc_upload is gone"),
        ({"__action": None}, 400, "The field :action must be file_upload"),
        ({"protocol_version": "2"}, 400, "Unknown protocol version"),
        ({"name": ["Flask", "Flask"]}, 400, "The field name is given more than once"),
        ({"filetype": "bdist_egg"}, 400, "Invalid value for filetype"),
        ({"filetype": None}, 400, "Invalid value for filetype"),
        ({"pyversion": None}, 400, "Invalid value for pyversion"),
        ({"filetype": "sdist"}, 400, "Invalid value for pyversion"),
        ({"sha256_digest": "abc"}, 400, "Invalid value for sha256_digest"),
        ({"sha256_digest": None, "blake2_256_digest": None}, 400, "At least one digest"),
        ({"metadata_version": None}, 400, "Invalid metadata"),
        ({"metadata_version": "9.0"}, 400, "Invalid metadata"),
        ({"name": "-flask"}, 400, "Invalid metadata"),
        ({"name": None}, 400, "Invalid metadata"),
        ({"name": "UNKNOWN"}, 400, "Invalid metadata"),
        ({"version": None}, 400, "Invalid metadata"),
        ({"blake2_256_digest": "0" * 64}, 400, "The blake2_256_digest given is not that"),
        ({"attestations": "{}"}, 400, "Malformed attestations"),
        ({"version": "one"}, 400, "Invalid metadata"),
        ({"version": "1.0+local"}, 400, "The version '1.0+local' isn't allowed"),
        ({"requires_python": "three"}, 400, "Invalid metadata"),
        ({"project_urls": "no comma"}, 400, "Invalid value for project_urls"),
        (
            {"classifiers": ["Topic :: Internet", "No :: Such"]},
            400,
            "Invalid value for classifiers. Error: Classifier 'No",
        ),
        ({"classifiers": "Private :: Do Not Upload"}, 400, "Invalid value for classifiers. Error: Classifier 'Private"),
        ({"requires_dist": ["a>=1", "b @ http://x.test/"]}, 400, "Invalid value for requires_dist. Error: Can't have"),
        ({"pyversion": "../../x"}, 400, "Invalid value for pyversion. Error: that of 'flask-1.0-py3-none-any.whl' is"),
        ({"pyversion": "py2.py3"}, 400, "Invalid value for pyversion. Error: that of 'flask-1.0-py3-none-any.whl' is"),
        ({"name": "json"}, 400, "The name 'json' isn't allowed (conflict with Python Standard Library"),
        ({"name": "BaseHTTPServer"}, 400, "The name 'BaseHTTPServer' isn't allowed"),
        ({"sha256_digest": "0" * 64}, 400, "The sha256_digest given is not that"),
        ({"md5_digest": "0" * 32}, 400, "The md5_digest given is not that"),
        ({"name": "django"}, 400, "Filename 'flask-1.0-py3-none-any.whl' is invalid, should start with 'django-'"),
        ({"version": "1.1"}, 400, "Filename 'flask-1.0-py3-none-any.whl' is invalid: its version is not 1.1"),
    ],
)
async def test_a_form_is_refused_because(
    client: TestClient, store: Store, changes: dict[str, str | list[str] | None], status: int, message: str
) -> None:
    got = await upload(client, form(FLASK, **changes))
    assert (got[0], got[1][: len(message)]) == (status, message)
    assert (store.projects(), list((store.directory / "incoming").iterdir())) == ([], [])


async def test_digests_may_be_in_capitals_and_md5_alone_is_enough(client: TestClient) -> None:
    digest = md5(FLASK.content).hexdigest().upper()
    data = form(FLASK, md5_digest=digest, sha256_digest=None, blake2_256_digest=None)
    assert await upload(client, data) == (200, "")


INFO = {f"flask-1.0.dist-info/{name}": core_metadata("Flask", "1.0") for name in ("METADATA", "WHEEL", "RECORD")}


@pytest.mark.parametrize(
    ("filename", "content", "message"),
    [
        ("flask-1.0-py3-none-any.whl", b"no zip", "Invalid distribution file: it is not a readable zip"),
        ("flask-1.0-py3-none-any.whl", zipped({"x": b""}), "Invalid distribution file: it has no METADATA"),
        ("../flask-1.0-py3-none-any.whl", zipped(INFO), "Invalid distribution file: its name"),
        ("flask-1.0-py3-none-linux_x86_64.whl", zipped(INFO), "Binary wheel 'flask-1.0-py3-none-linux_x86_64.whl'"),
        ("flask-1.0-py3-none-any.win31.whl", zipped(INFO), "Binary wheel"),
        ("Flask-1.0-py3-none-any.whl", zipped(INFO), "Filename 'Flask-1.0-py3-none-any.whl' is invalid"),
        ("flask-1.0.exe", b"MZ", "Invalid distribution file: it is neither"),
    ],
)
async def test_a_wheel_is_refused_because(client: TestClient, filename: str, content: bytes, message: str) -> None:
    package = Package(filename, content)
    status, got = await upload(client, form(package, filetype="bdist_wheel", pyversion="py3"))
    assert (status, got[: len(message)]) == (400, message)


@pytest.mark.parametrize(
    "tags",
    ["cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", "py3-none-macosx_11_0_arm64", "py3-none-win_amd64"],
)
async def test_wheels_for_known_platforms_are_taken(client: TestClient, tags: str) -> None:
    assert await upload(client, form(wheel("Flask", "1.0", tags=tags))) == (200, "")


async def test_a_wheel_s_python_is_as_its_name_has_it(client: TestClient, store: Store) -> None:
    package = wheel("Flask", "1.0", tags="py2.py3-none-any")
    assert await upload(client, form(package, pyversion="py3.py2")) == (200, "")
    assert [file.python_version for file in store.files("flask")] == ["py2.py3"]


@pytest.mark.parametrize("filename", ["Flask-1.0.tar.gz", "flask-1.0.zip", "flask_1.0.tar.gz"])
async def test_an_sdist_has_exactly_one_name(client: TestClient, filename: str) -> None:
    members = {"flask-1.0/PKG-INFO": core_metadata("Flask", "1.0")}
    package = Package(filename, zipped(members) if filename.endswith(".zip") else tarred(members))
    status, message = await upload(client, form(package))
    assert status == 400
    assert "flask-1.0.tar.gz" in message or message.startswith("Invalid distribution file")


async def test_a_file_name_or_content_that_exists_is_a_conflict(client: TestClient, store: Store) -> None:
    await upload(client, form(FLASK))
    other = wheel("Flask", "1.0", {"Summary": "other bytes"})
    renamed = Package("flask-1.0-py2-none-any.whl", FLASK.content)
    for package in (other, renamed):
        digest = blake2b(package.content, digest_size=32).hexdigest()
        assert await upload(client, form(package)) == (
            400,
            f"File already exists ('{package.filename}', with blake2_256 hash '{digest}')."
            " See http://upload.pypi.test/help/#file-name-reuse for more information.",
        )
    assert len(store.files("flask")) == 1


async def test_a_deleted_file_s_name_cannot_come_back(client: TestClient, store: Store) -> None:
    await upload(client, form(FLASK))
    store.remove_file(FLASK.filename, LAUNCH)
    status, message = await upload(client, form(FLASK))
    assert status == 400
    assert message.startswith("This filename was previously used by a file that has since been deleted")


async def test_a_release_has_one_sdist_and_is_closed_after_a_fortnight(client: TestClient, store: Store) -> None:
    old = Package("Flask-1.0.zip", zipped({"Flask-1.0/PKG-INFO": core_metadata("Flask", "1.0")}))
    stored(store, old, LAUNCH - timedelta(days=14))
    assert await upload(client, form(sdist("Flask", "1.0"))) == (400, "Only one sdist may be uploaded per release.")
    stored(store, wheel("flask", "1.1"), LAUNCH - timedelta(days=14, microseconds=1))
    status, message = await upload(client, form(sdist("Flask", "1.1"), version="1.1"))
    assert (status, message) == (400, "Release 1.1 is more than 14 days old and takes no new files.")


async def test_an_older_project_of_a_module_s_name_goes_on(client: TestClient, store: Store) -> None:
    stored(store, wheel("dataclasses", "0.6"))
    package = wheel("dataclasses", "0.8")
    assert await upload(client, form(package, name="dataclasses", version="0.8")) == (200, "")


async def test_checks_are_made_in_the_order_uploaders_rely_on(client: TestClient, store: Store) -> None:
    """Each upload has every later fault too; the first fault is the one that is told."""
    long_ago = LAUNCH - timedelta(days=30)
    stored(store, sdist("Flask", "1.0"), long_ago)
    stored(store, wheel("Flask", "1.0"), long_ago)
    broken = Package("flask-1.0-py3-none-any.whl", b"not a zip file")
    assert (await upload(client, form(broken, sha256_digest="0" * 64)))[1].startswith("The sha256_digest")
    assert (await upload(client, form(broken)))[1].startswith("File already exists")
    store.remove_file(broken.filename, LAUNCH)
    assert (await upload(client, form(broken)))[1].startswith("This filename was previously used")
    second = Package("flask_1.0.tar.gz", b"not a tar file")
    assert (await upload(client, form(second)))[1].startswith("Release 1.0 is more than 14 days old")
    stored(store, sdist("Django", "1.0"))
    assert (await upload(client, form(second, name="Django")))[1].startswith("Only one sdist")
    assert (await upload(client, form(second, name="Other")))[1].startswith("Invalid distribution file")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("requires_dist", "x; " + "(" * 20_000 + "python_version>'3'" + ")" * 20_000),
        ("description_content_type", "(" * 20_000),
        ("license_expression", "(" * 20_000 + "MIT" + ")" * 20_000),
    ],
)
async def test_a_field_that_is_nested_thousands_deep_is_refused(client: TestClient, field: str, value: str) -> None:
    data = form(FLASK, metadata_version="2.4", **{field: value})
    async with client.post("/legacy/", data=data, headers={"Authorization": TOKEN}) as answer:
        assert answer.status == 400
        assert (await answer.text()).startswith("Invalid metadata: ")


async def test_a_wheel_whose_metadata_is_nested_thousands_deep_is_refused(client: TestClient) -> None:
    nested = core_metadata("Flask", "1.0") + b"Content-Type: message/rfc822\n\n" * 5000
    nested = nested.replace(b"\n\nContent", b"\nContent", 1)
    package = Package("flask-1.0-py3-none-any.whl", zipped({"flask-1.0.dist-info/METADATA": nested}))
    assert await upload(client, form(package)) == (
        400,
        "Invalid distribution file: its METADATA is nested too deeply.",
    )


async def test_a_file_above_the_limit_is_refused_first_and_never_kept(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "MOST_OF_FILE", 500_000)
    large = Package("flask-1.0-py3-none-any.whl", b"\0" * 500_001)
    status, message = await upload(client, form(large, sha256_digest="0" * 64))
    assert (status, message.partition(".")[0]) == (400, "File too large")
    exact = Package("flask-1.0-py3-none-any.whl", b"\0" * 500_000)
    assert (await upload(client, form(exact)))[1].startswith("Invalid distribution file")
    assert list((store.directory / "incoming").iterdir()) == []


async def test_fields_have_a_limit_of_their_own(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "MOST_OF_FIELDS", 10_000)
    for changes in ({"description": "x" * 10_001}, {"classifiers": ["x"] * 100}):
        status, message = await upload(client, form(FLASK, **changes))
        assert (status, message) == (400, "The fields of the form are longer than 10000 bytes.")


async def test_fields_may_be_as_long_as_the_metadata_that_they_say_again(client: TestClient) -> None:
    assert receiving.MOST_OF_FIELDS == unpacking.MOST_METADATA == 2 << 20
    text = "a line of text\n" * 139_000  # of 15 octets, so all but 12,000 of 2 MiB
    package = wheel("flask", "1.0", {"Description": text})
    writer = form(package, description="DESCRIPTION")()
    headers = {"Authorization": TOKEN, "Content-Type": writer.content_type}
    short = await writer.as_bytes()
    for description, status, reason in (
        (f"{text}{'x' * 20_000}", 400, "The fields of the form are longer than 2097152 bytes."),
        (text, 200, "OK"),
    ):
        body = io.BytesIO(short.replace(b"DESCRIPTION", description.encode()))
        async with client.post("/legacy/", data=body, headers=headers) as answer:
            assert (answer.status, answer.reason) == (status, reason)


async def test_what_is_no_upload_form_is_refused(client: TestClient) -> None:
    bodies: list[tuple[str, bytes]] = [
        ("application/x-www-form-urlencoded", b":action=file_upload"),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno name\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--y\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--\r\n',
        ),
    ]
    for content_type, body in bodies:
        headers = {"Content-Type": content_type, "Authorization": TOKEN}
        async with client.post("/legacy/", data=body, headers=headers) as answer:
            assert answer.status == 400, body


async def test_an_upload_without_a_file_is_refused(client: TestClient) -> None:
    data = FormData(default_to_multipart=True)
    for key, value in fields_for(FLASK).items():
        data.add_field(key, str(value))
    assert await upload(client, data) == (400, "The form has no file: the field content is missing.")


async def test_the_path_without_a_slash_leads_to_the_one_with_it(client: TestClient) -> None:
    async with client.post("/legacy", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (308, "/legacy/")


async def test_an_upload_that_breaks_off_leaves_nothing(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    incoming = store.directory / "incoming"
    async with TestServer(make_app(store, Site(upload_token="secret"), lambda: LAUNCH)) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        head = (
            "POST /legacy/ HTTP/1.1",
            "Host: pypi.test",
            f"Authorization: {TOKEN}",
            "Expect: 100-continue",
            "Content-Length: 99999",
            "Content-Type: multipart/form-data; boundary=x",
        )
        writer.write("\r\n".join([*head, "", ""]).encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b'--x\r\nContent-Disposition: form-data; name="content"; filename="a"\r\n\r\nhalf')
        await writer.drain()
        assert any(incoming.iterdir())
        writer.close()
        await writer.wait_closed()
    assert not any(incoming.iterdir())
    assert caplog.records == []  # clients leave; that is nothing to complain about


async def test_two_uploads_of_one_name_at_once_make_one_file(client: TestClient, store: Store) -> None:
    packages = [wheel("Flask", "1.0", {"Summary": f"number {number}"}) for number in range(4)]
    outcomes = await asyncio.gather(*(upload(client, form(package)) for package in packages))
    assert sorted(status for status, _ in outcomes) == [200, 400, 400, 400]
    [file] = store.files("flask")
    assert sha256((store.files_directory / file.path).read_bytes()).hexdigest() == file.sha256


@pytest.mark.parametrize(
    ("status", "taken"), [("active", True), ("deprecated", True), ("archived", False), ("quarantined", False)]
)
async def test_a_project_takes_files_as_its_status_allows(
    client: TestClient, store: Store, status: Status, taken: bool
) -> None:
    stored(store, sdist("Flask", "1.0"))
    store.set_status("flask", status, None, LAUNCH)
    told = (200, "") if taken else (400, f"Project 'Flask' is {status} and takes no new files.")
    assert await upload(client, form(FLASK)) == told
    assert len(store.files("flask")) == 1 + taken
