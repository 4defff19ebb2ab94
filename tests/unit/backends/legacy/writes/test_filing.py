"""Files uploaded to the old site: in the index at once, or refused in its words with nothing changed."""

from __future__ import annotations

import io
from hashlib import md5

import pytest
from aiohttp.test_utils import TestClient
from old_writes import ARMIN, multipart, posted, registered, submission, upload_of
from packages import LAUNCH, Package, sdist, wheel

from backends.legacy.writes import filing
from backends.store import Store
from backends.store.checking import check
from backends.upload.receiving import MOST_OF_PARTS

SDIST = sdist("Flask", "1.0", {"Summary": "Small"})
WHEEL = wheel("Flask", "1.0", {"Summary": "Small", "Requires-Python": ">=2.7"})


async def test_files_of_a_registered_project_are_in_the_index_at_once(client: TestClient, store: Store) -> None:
    await registered(client)
    signature = b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n"
    async with client.post("/pypi", data=upload_of(SDIST, signature), headers={"Authorization": ARMIN}) as answer:
        assert (answer.status, answer.headers["Content-Type"], await answer.text()) == (200, "text/plain", "OK\n")
    assert await posted(client, upload_of(WHEEL)) == (200, "OK", "OK\n")
    wheel_file, sdist_file = store.files("flask")
    assert (sdist_file.python_version, sdist_file.comment, sdist_file.has_signature) == (
        "source",
        "built by hand",
        True,
    )
    assert (wheel_file.python_version, wheel_file.md5) == ("2.7", md5(WHEEL.content).hexdigest())
    async with client.get("/packages/source/F/Flask/flask-1.0.tar.gz") as got:
        assert await got.read() == SDIST.content
    async with client.get("/packages/source/F/Flask/flask-1.0.tar.gz.asc") as got:
        assert await got.read() == signature
    assert [change.action for change in store.changes_after(3)] == [
        "add source file flask-1.0.tar.gz",
        "add 2.7 file flask-1.0-py3-none-any.whl",
    ]
    assert list(check(store)) == []


async def test_a_file_brings_its_release_with_it(client: TestClient, store: Store) -> None:
    await registered(client)
    newer = sdist("Flask", "1.1")
    assert (await posted(client, upload_of(newer, version="1.1", summary="Newer", name="FLASK")))[0] == 200
    assert [(release.project, release.version, release.summary) for release in store.releases("flask")] == [
        ("Flask", "1.0", "Small"),
        ("Flask", "1.1", "Newer"),
    ]


async def test_what_tools_of_today_send_is_taken_too(client: TestClient, store: Store) -> None:
    """No MD5, newer metadata, and digests that the old site never heard of."""
    await registered(client)
    newer = {
        "metadata_version": "2.4",
        "description_content_type": "text/markdown",
        "project_urls": "Docs, http://a.test/",
    }
    data = upload_of(WHEEL, md5_digest="", sha256_digest="x", blake2_256_digest="y", pyversion="py3", **newer)
    assert (await posted(client, data))[0] == 200


PNG = Package(SDIST.filename, b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(
    ("package", "changes", "why"),
    [
        (SDIST, {"name": ""}, "Name and version are required"),
        (SDIST, {"version": ""}, "Name and version are required"),
        (SDIST, {"filetype": ""}, "Both content and filetype are required"),
        (None, {"filetype": "sdist"}, "Both content and filetype are required"),
        (None, {"filetype": "sdist", "content": "text"}, "invalid upload"),
        (WHEEL, {"pyversion": ""}, "Python version is required for binary distribution uploads"),
        (WHEEL, {"pyversion": "../../x"}, "invalid distribution file"),
        (SDIST._replace(filename="flask-1.0.rpm"), {}, "invalid distribution file"),
        (SDIST._replace(filename="x/flask-1.0.tar.gz"), {}, "invalid distribution file"),
        (SDIST._replace(filename="x\\flask-1.0.tar.gz"), {}, "invalid distribution file"),
        (SDIST, {"filetype": "bdist_wininst", "pyversion": "2.7"}, "Invalid file type"),
        (SDIST, {"filetype": "bdist_wheel", "pyversion": "2.7"}, "invalid distribution file"),
        (SDIST._replace(filename="other-1.0.tar.gz"), {}, 'The filename for Flask must start with "flask" (any case)'),
        (sdist("flaskier", "1.0"), {}, "invalid distribution file"),
        (sdist("Flask", "2.0"), {}, "invalid distribution file"),
        (PNG, {}, "invalid distribution file"),
        (wheel("Flask", "1.0", tags="cp27-none-linux_x86_64"), {}, "Binary wheel for an unsupported platform"),
        (SDIST, {"md5_digest": "0" * 32}, filing._MD5),
        (SDIST, {"gpg_signature": "\x99"}, "signature is not ASCII-armored"),
        (SDIST, {"gpg_signature": "-----BEGIN PGP SIGNATURE-----" + "x" * (100 << 10)}, "invalid signature"),
        (
            sdist("Flask", "1.0.dev"),
            {"version": "1 0"},
            "Invalid version, cannot be parsed as a valid PEP 440 version.",
        ),
        (sdist("Flask", "9"), {"version": "9", "classifiers": "No :: Such"}, 'Invalid classifier "No :: Such"'),
    ],
)
async def test_a_file_is_refused_because(
    client: TestClient, store: Store, package: Package | None, changes: dict[str, str], why: str
) -> None:
    await registered(client)
    before = store.last_serial()
    data = upload_of(package, **changes) if package else multipart(submission(__action="file_upload", **changes))
    status, reason, body = await posted(client, data)
    assert (status, reason) == (400, why)
    assert body.endswith(f"{why}\n\n")
    assert (store.last_serial(), store.files("flask"), list(check(store))) == (before, [], [])
    assert list((store.directory / "incoming").iterdir()) == []


async def test_an_image_is_no_distribution(client: TestClient) -> None:
    await registered(client)
    data = multipart(submission(__action="file_upload", filetype="sdist"))
    data.add_field("content", io.BytesIO(SDIST.content), filename=SDIST.filename, content_type="image/png")
    assert (await posted(client, data))[:2] == (400, "invalid distribution file")


async def test_an_unknown_protocol_is_an_error_of_the_site(client: TestClient) -> None:
    await registered(client)
    assert (await posted(client, upload_of(SDIST, protocol_version="2")))[0] == 500


async def test_a_file_above_the_limit_is_refused(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registered(client)
    monkeypatch.setattr(filing, "LARGEST", len(SDIST.content) - 1)
    assert (await posted(client, upload_of(SDIST)))[:2] == (400, "distribution file too large")
    assert store.files("flask") == []


async def test_a_file_name_is_there_once_for_ever(client: TestClient, store: Store) -> None:
    await registered(client)
    assert (await posted(client, upload_of(SDIST)))[0] == 200
    again = 'A file named "flask-1.0.tar.gz" already exists for  Flask-1.0. To fix problems with that file you should'
    status, reason, _ = await posted(client, upload_of(SDIST))
    assert (status, reason) == (400, f"{again} create a new release.")
    store.remove_file("flask-1.0.tar.gz", LAUNCH)
    status, reason, _ = await posted(client, upload_of(sdist("Flask", "1.0", {"Summary": "Other"})))
    assert (status, reason) == (400, "This filename has previously been used, you should use a different version.")


async def test_the_same_bytes_under_another_name_are_a_duplicate(client: TestClient, store: Store) -> None:
    await registered(client)
    assert (await posted(client, upload_of(SDIST)))[0] == 200
    same = SDIST._replace(filename="Flask-1.0.tar.gz")
    assert (await posted(client, upload_of(same)))[:2] == (400, "Duplicate file upload detected.")


async def test_who_has_not_said_who_they_are_sends_no_endless_form(client: TestClient) -> None:
    part = b"--b\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n\r\n"
    for count, status, why in (
        (MOST_OF_PARTS, 401, "You must be"),
        (MOST_OF_PARTS + 1, 400, "has more than 10000 parts"),
    ):
        async with client.post(
            "/pypi?:action=file_upload",
            data=part * count + b"--b--\r\n",
            headers={"Content-Type": "multipart/form-data; boundary=b"},
        ) as answer:
            assert (answer.status, why in (answer.reason or "")) == (status, True)
