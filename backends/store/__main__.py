"""`python -m backends.store`: whether a store is whole (`check`, `sweep`); accounts of the old site (`account`)."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from backends.store import accounts, documentation
from backends.store.accounts import Account
from backends.store.checking import check, sweep_unnamed
from backends.store.content import ABANDONED_AFTER
from backends.store.errors import StoreError
from backends.store.store import Store


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m backends.store", description="Look after a store.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, help_text in (("check", "tell what is wrong"), ("sweep", "delete what was abandoned")):
        verbs.add_parser(verb, help=help_text).add_argument("store", type=_directory, metavar="DIR")
    account = verbs.add_parser(
        "account", help="make an account of the old site, or give it another password: the first line of standard input"
    )
    account.add_argument("store", type=_directory, metavar="DIR")
    account.add_argument("name", metavar="NAME")
    account.add_argument("email", metavar="EMAIL")
    given = parser.parse_args(arguments)
    try:
        with Store(given.store) as store:
            match given.verb:
                case "check":
                    return _check(store)
                case "sweep":
                    return _sweep(store)
                case _:
                    return _account(store, Account(given.name, given.email))
    except StoreError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _directory(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text}: there is no such directory")
    return Path(text)


def _check(store: Store) -> int:
    count = 0
    for found in check(store):
        sys.stdout.write(f"{found}\n")
        count += 1
    sys.stdout.write(f"{count} wrong\n" if count else "whole\n")
    return 1 if count else 0


def _sweep(store: Store) -> int:
    before = datetime.now(UTC) - ABANDONED_AFTER
    store.sweep(before)
    documentation.sweep(store.documentation_directory, before)
    sys.stdout.write(f"{sweep_unnamed(store, before)} deleted\n")
    return 0


def _account(store: Store, account: Account) -> int:
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        sys.stderr.write("a password is needed: give it as the first line of standard input\n")
        return 2
    try:
        if accounts.named(store, account.name) is None:
            accounts.register(store, account, password)
        else:
            accounts.change(store, account, password)
    except accounts.Taken:
        sys.stderr.write(f"{account.email} is the address of another account: give another one\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
