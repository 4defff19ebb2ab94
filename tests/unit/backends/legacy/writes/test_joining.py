"""Accounts of the old site: registered, confirmed by mail, changed; and until which day."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from aiohttp.test_utils import TestClient, TestServer
from old_writes import ARMIN, multipart, posted, submission
from packages import LAUNCH, stored, wheel
from uploads import basic

from backends.legacy.app import Settings, make_app
from backends.legacy.era import Era
from backends.store import Store, accounts

NEW = {
    ":action": "user",
    "name": "new",
    "email": "new@pypi.test",
    "password": "Long enough 9",
    "confirm": "Long enough 9",
    "gpg_keyid": "0123ABCD",
}


async def asked(client: TestClient, form: dict[str, str], authorization: str | None = None) -> tuple[int, str, str]:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with client.post("/pypi", data=form, headers=headers) as answer:
        return answer.status, answer.reason or "", await answer.text()


def key_in_the_mail(store: Store) -> str:
    [letter] = (store.directory / "outbox").iterdir()
    assert letter.stat().st_mode & 0o077 == 0, "it is for its operator"
    text = letter.read_bytes().decode()
    assert "To: new@pypi.test" in text
    matched = re.search(r"http://legacy\.pypi\.test/pypi\?:action=user&otk=(\w+)", text)
    assert matched is not None
    return matched[1]


async def test_who_registers_writes_once_they_have_confirmed_it(client: TestClient, store: Store) -> None:
    status, _, body = await asked(client, NEW)
    assert (status, "<h1>Registration OK</h1>" in body, "email to new@pypi.test shortly" in body) == (200, True, True)
    account = basic("new", "Long enough 9")
    assert (await posted(client, multipart(submission()), account))[0] == 401

    key = key_in_the_mail(store)
    async with client.get(f"/pypi?:action=user&otk={key}") as answer:
        assert (answer.status, f'name="otk" value="{key}"' in await answer.text()) == (200, True)
    unsure = {":action": "user", "otk": key, "agree_shown": "1"}
    assert (await asked(client, unsure))[:2] == (400, "You need to confirm the usage agreement.")
    status, _, body = await asked(client, unsure | {"agree": "1"})
    assert (status, "You are now registered." in body) == (200, True)

    assert (await posted(client, multipart(submission()), account))[0] == 200
    assert (await asked(client, unsure | {"agree": "1"}))[:2] == (400, "Error: One Time Key invalid")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"email": ""}, "Clearing the email address is not allowed"),
        ({"email": "n\u00e9w@pypi.test"}, "Email is invalid (ASCII only)"),
        ({"email": "new"}, "Email is invalid"),
        ({"email": "..@"}, "Email is invalid"),
        ({"email": "new.er"}, "Email is invalid"),
        ({"email": "new@@pypi.test"}, "Email is invalid"),
        ({"email": "new@pypi..test"}, "Email is invalid"),
        ({"email": "new@-pypi.test"}, "Email is invalid"),
        ({"email": "n" * 250 + "@pypi.test"}, "Email is invalid"),
        ({"gpg_keyid": "0123"}, "GPG key ID is invalid"),
        ({"name": ""}, "name is required"),
        ({"confirm": ""}, "password and confirm are required"),
        ({"confirm": "Long enough 8"}, "Please check you've entered the same password in both fields."),
        ({"password": "Short 1", "confirm": "Short 1"}, "Please make your password at least 8 characters long."),
        ({"password": "longenough", "confirm": "longenough"}, "~Please use 16 or more characters, or a mix of .*"),
        ({"password": "L1" * 501, "confirm": "L1" * 501}, "Please make your password at most 1000 characters long."),
        ({"name": "new/er"}, "Username is invalid (ASCII alphanum,.,_ only)"),
        ({"name": "n" * 65}, "Username is invalid (at most 64 characters)"),
        ({"name": "Armin"}, 'user "Armin" already exists'),
        ({"email": "ARMIN@pypi.test"}, "You have already registered as user armin"),
    ],
)
async def test_a_registration_is_refused_because(
    client: TestClient, store: Store, changes: dict[str, str], why: str
) -> None:
    status, reason, _ = await asked(client, NEW | changes)
    assert status == 400
    assert re.fullmatch(why.removeprefix("~") if why.startswith("~") else re.escape(why), reason)
    assert (accounts.named(store, "new"), (store.directory / "outbox").exists()) == (None, False)


@pytest.mark.parametrize("changes", [{"name": "n" * 64}, {"email": "n." * 120 + "n@pypi.test"}])
async def test_long_names_and_addresses_register(client: TestClient, changes: dict[str, str]) -> None:
    assert (await asked(client, NEW | changes))[0] == 200


async def test_an_account_whose_letter_cannot_be_written_is_not_made(client: TestClient, store: Store) -> None:
    outbox = store.directory / "outbox"
    outbox.touch()
    assert (await asked(client, NEW))[0] == 500
    assert accounts.named(store, "new") is None

    outbox.unlink()
    assert (await asked(client, NEW))[0] == 200, "its name and address are free"
    assert key_in_the_mail(store)


async def test_nobody_registers_as_who_has_projects_already(client: TestClient, store: Store) -> None:
    stored(store, wheel("theirs", "1.0"))
    store.grant("theirs", "Owner", "new", LAUNCH)
    assert (await asked(client, NEW))[:2] == (400, 'user "new" already exists')
    assert accounts.named(store, "new") is None


async def test_who_is_registered_changes_what_is_known_of_them(client: TestClient, store: Store) -> None:
    form = {":action": "user", "email": "other@pypi.test"}
    status, _, body = await asked(client, form, ARMIN)
    assert (status, "Details updated OK" in body) == (200, True)
    assert accounts.with_email(store, "other@pypi.test") == accounts.named(store, "armin")
    assert accounts.authenticated(store, "armin", "correct horse 1") is not None, "the password stays"

    secret = {"password": "Other horse 2", "confirm": "Other horse 2"}
    assert (await asked(client, form | secret, ARMIN))[0] == 200
    assert accounts.authenticated(store, "armin", "correct horse 1") is None
    assert accounts.authenticated(store, "armin", "Other horse 2") is not None


async def test_an_address_is_one_user_s(client: TestClient) -> None:
    form = {":action": "user", "email": "eve@pypi.test"}
    assert (await asked(client, form, ARMIN))[:2] == (400, "eve@pypi.test is the address of another user")


@pytest.mark.parametrize(("day", "status"), [(date(2018, 2, 17), 200), (date(2018, 2, 18), 400)])
async def test_accounts_are_the_new_site_s_from_a_day_on(store: Store, day: date, status: int) -> None:
    app = make_app(store, lambda: LAUNCH - timedelta(days=60), Settings(Era(day)))
    async with TestClient(TestServer(app)) as client:
        assert (await asked(client, NEW))[0] == status
        assert (await posted(client, multipart(submission())))[0] == 410, "uploads had gone before"
