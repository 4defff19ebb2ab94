"""Accounts of the old site: who may write to it, by a name and a password.

Laws of this module:
- a password is kept as its scrypt hash with a salt of its own, and compared in constant time;
- a name that differs in case only, and an address that does, is the same one;
- an account has a one-time key until its owner has confirmed it with that; until then it may write nothing;
- there is no account whose key nobody was told.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from backends.store.store import Store

_SCRYPT: Final = {"n": 2**14, "r": 8, "p": 1, "maxmem": 64 << 20}  # 16 MiB and some tens of milliseconds
_SALT: Final = 16  # octets

# Whoever is not there takes as long as whoever is.
_NOBODY: Final = "00" * _SALT + ":" + "00" * 64


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    email: str
    gpg_keyid: str = ""
    is_confirmed: bool = True


class Taken(Exception):
    """Somebody has an account of this name, or with this address."""


def named(store: Store, name: str) -> Account | None:
    return _account(store, "name", name)


def with_email(store: Store, email: str) -> Account | None:
    return _account(store, "email", email)


def with_key(store: Store, key: str) -> Account | None:
    """The account that waits to be confirmed with this one-time key."""
    return _account(store, "key", key)


def authenticated(store: Store, name: str, password: str) -> Account | None:
    row = store.connection.execute("SELECT password FROM account WHERE name = ?", (name,)).fetchone()
    is_right = _is(password, _NOBODY if row is None else row["password"])
    return named(store, name) if is_right and row is not None else None


def register(store: Store, account: Account, password: str, tell: Callable[[str], None] = lambda key: None) -> str:
    """Make an account. The one-time key that confirms it; empty if it is confirmed. Raises Taken.

    What `tell` raises of the key unmakes the account.
    """
    key = "" if account.is_confirmed else secrets.token_hex(16)
    values = (account.name, account.email, account.gpg_keyid, _hashed(password), key or None)
    try:
        with store.exclusive():
            store.connection.execute(
                "INSERT INTO account (name, email, gpg_keyid, password, key) VALUES (?, ?, ?, ?, ?)", values
            )
            tell(key)
    except sqlite3.IntegrityError as error:
        raise Taken from error
    return key


def change(store: Store, account: Account, password: str | None) -> None:
    """All but the name; without a password that stays too. Raises Taken."""
    hashed = None if password is None else _hashed(password)
    try:
        with store.exclusive():
            store.connection.execute(
                "UPDATE account SET email = ?, gpg_keyid = ?, password = coalesce(?, password) WHERE name = ?",
                (account.email, account.gpg_keyid, hashed, account.name),
            )
    except sqlite3.IntegrityError as error:
        raise Taken from error


def confirm(store: Store, key: str) -> bool:
    """False: no account waits for this key."""
    with store.exclusive():
        return store.connection.execute("UPDATE account SET key = NULL WHERE key = ?", (key,)).rowcount == 1


def _account(store: Store, column: str, value: str) -> Account | None:
    row: sqlite3.Row | None = store.connection.execute(
        f"SELECT name, email, gpg_keyid, key IS NULL AS is_confirmed FROM account WHERE {column} = ?", (value,)
    ).fetchone()
    return None if row is None else Account(row["name"], row["email"], row["gpg_keyid"], bool(row["is_confirmed"]))


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(_SALT)
    return f"{salt.hex()}:{_derived(password, salt).hex()}"


def _is(password: str, kept: str) -> bool:
    salt, _, derived = kept.partition(":")
    return hmac.compare_digest(_derived(password, bytes.fromhex(salt)), bytes.fromhex(derived))


def _derived(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, dklen=64, **_SCRYPT)
