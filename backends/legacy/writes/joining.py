"""`user`: who is new registers, confirms that with the key that came by mail, and then changes what is known of them.

Mail is not sent: it is put into the store's folder `outbox`, a file for each letter, for its operator. An account whose
letter cannot be written is not made: its name would be taken for good, and nobody would have its key.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Final

from backends.legacy import answers
from backends.legacy.answers import HTML, Answer
from backends.legacy.pages import confirm_page, notice_page
from backends.legacy.writes.writing import Done, NotTaken, Writing
from backends.store import accounts
from backends.store.accounts import Account, Taken

OUTBOX: Final = "outbox"

_NAME: Final = re.compile(r"[A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9]", re.IGNORECASE | re.ASCII)
_LONGEST_NAME: Final = 64
_EMAIL: Final = re.compile(r"[a-zA-Z0-9._+@-]+")
_LONGEST_EMAIL: Final = 254  # RFC 5321 4.5.3.1.3, without its brackets
_LABEL: Final = r"[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
_ADDRESS: Final = re.compile(rf"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@{_LABEL}(?:\.{_LABEL})+")  # RFC 5321 4.1.2
_KEY_ID: Final = re.compile(r"[A-Fa-f0-9]{8}")
_SHORTEST: Final = 8  # of passwords
_LONG: Final = 16  # of those that may be of one kind of characters
_LONGEST: Final = 1000  # so that nobody has a book hashed


def user(writing: Writing) -> Done:
    sent = writing.sent
    given = {key: sent.one(key).strip() for key in ("name", "password", "email", "otk", "confirm", "gpg_keyid")}
    _check_given(given)
    if given["otk"]:
        return Done(_confirmed(writing, given["otk"]))
    return Done(_registered(writing, given) if writing.account is None else _changed(writing, writing.account, given))


def _check_given(given: dict[str, str]) -> None:
    email = given["email"]
    if email and not _EMAIL.fullmatch(email):
        raise NotTaken(answers.malformed("Email is invalid (ASCII only)"))
    if email and (len(email) > _LONGEST_EMAIL or not _ADDRESS.fullmatch(email)):
        raise NotTaken(answers.malformed("Email is invalid"))
    if given["gpg_keyid"] and not _KEY_ID.fullmatch(given["gpg_keyid"]):
        raise NotTaken(answers.malformed("GPG key ID is invalid"))
    if not email and not given["otk"]:
        raise NotTaken(answers.malformed("Clearing the email address is not allowed"))


def _registered(writing: Writing, given: dict[str, str]) -> Answer:
    store, name = writing.store, given["name"]
    if not name:
        raise NotTaken(answers.malformed("name is required"))
    if not given["password"] or not given["confirm"]:
        raise NotTaken(answers.malformed("password and confirm are required"))
    _check_password(given, "Users", None)
    if not _NAME.fullmatch(name):
        raise NotTaken(answers.malformed("Username is invalid (ASCII alphanum,.,_ only)"))
    if len(name) > _LONGEST_NAME:
        raise NotTaken(answers.malformed(f"Username is invalid (at most {_LONGEST_NAME} characters)"))
    # Whose account is not there and who has roles all the same came with an import: the operator knows them.
    if accounts.named(store, name) is not None or store.projects_of(name):
        raise NotTaken(answers.refused(f'user "{name}" already exists', "User registration"))
    if (known := accounts.with_email(store, given["email"])) is not None:
        raise NotTaken(answers.malformed(f"You have already registered as user {known.name}"))
    account = Account(name, given["email"], given["gpg_keyid"], is_confirmed=False)
    try:
        accounts.register(
            store, account, given["password"], lambda key: _post(store.directory / OUTBOX, writing, account, key)
        )
    except Taken:  # meanwhile
        raise NotTaken(answers.refused(f'user "{name}" already exists', "User registration")) from None
    told = (
        f"You should receive a confirmation email to {account.email} shortly. "
        "To complete the registration process, visit the link indicated in the email."
    )
    return answers.found(notice_page("Registration OK", (told,)), HTML)


def _confirmed(writing: Writing, key: str) -> Answer:
    account = accounts.with_key(writing.store, key)
    if account is None:
        raise NotTaken(answers.refused("Error: One Time Key invalid", "User registration"))
    if not writing.sent.one("agree_shown"):
        return answers.found(confirm_page(account.name, key), HTML)
    if not writing.sent.one("agree"):
        raise NotTaken(answers.refused("You need to confirm the usage agreement.", "User registration"))
    accounts.confirm(writing.store, key)
    return answers.found(notice_page("Registration complete", ("You are now registered.",)), HTML)


def _changed(writing: Writing, account: Account, given: dict[str, str]) -> Answer:
    if given["password"]:
        _check_password(given, "User profile", account)
    new = replace(account, email=given["email"] or account.email, gpg_keyid=given["gpg_keyid"] or account.gpg_keyid)
    try:
        accounts.change(writing.store, new, given["password"] or None)
    except Taken:
        raise NotTaken(answers.malformed(f"{new.email} is the address of another user")) from None
    return answers.found(notice_page("Details updated OK", ()), HTML)


def _check_password(given: dict[str, str], heading: str, account: Account | None) -> None:
    password = given["password"]
    one_kind = password.isdigit() or password.isalpha() or password.isupper() or password.islower()
    why = None
    if account is not None and password == account.name:
        why = "Please make your password harder to guess."
    elif password != given["confirm"]:
        why = "Please check you've entered the same password in both fields."
    elif len(password) < _SHORTEST:
        why = f"Please make your password at least {_SHORTEST} characters long."
    elif len(password) > _LONGEST:
        why = f"Please make your password at most {_LONGEST} characters long."
    elif len(password) < _LONG and one_kind:
        why = f"Please use {_LONG} or more characters, or a mix of different-case letters and numbers in your password."
    if why is not None:
        raise NotTaken(answers.refused(why, heading))


def _post(outbox: Path, writing: Writing, account: Account, key: str) -> None:
    letter = EmailMessage()
    letter["Subject"] = "Complete your PyPI registration"
    letter["To"] = account.email
    letter.set_content(
        f'To complete your registration of the user "{account.name}" with the python module index, '
        f"please visit the following URL:\n\n  {writing.site.base}/pypi?:action=user&otk={key}\n",
        cte="7bit",  # so that the link is in one piece
    )
    outbox.mkdir(mode=0o700, exist_ok=True)
    handle, path = tempfile.mkstemp(prefix=f"{account.name}-", suffix=".eml", dir=outbox)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(bytes(letter))
    except BaseException:
        Path(path).unlink()
        raise
