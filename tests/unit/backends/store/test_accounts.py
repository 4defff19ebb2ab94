"""Accounts of the old site: names, addresses and passwords, kept so that nobody reads a password out of them."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backends.store import Store, accounts
from backends.store.__main__ import main
from backends.store.accounts import Account, Taken

ARMIN = Account("armin", "armin@pypi.test")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def test_who_knows_the_password_is_known(store: Store) -> None:
    assert accounts.register(store, ARMIN, "correct horse 1") == ""
    assert accounts.authenticated(store, "armin", "correct horse 1") == ARMIN
    assert accounts.authenticated(store, "ARMIN", "correct horse 1") == ARMIN
    for name, password in (("armin", "wrong"), ("armin", ""), ("nobody", "correct horse 1"), ("", "")):
        assert accounts.authenticated(store, name, password) is None


def test_a_password_is_not_kept(store: Store) -> None:
    accounts.register(store, ARMIN, "correct horse 1")
    accounts.register(store, Account("eve", "eve@pypi.test"), "correct horse 1")
    kept = [row["password"] for row in store.connection.execute("SELECT password FROM account")]
    assert "horse" not in "".join(kept)
    assert kept[0] != kept[1], "each has a salt of its own"


@pytest.mark.parametrize("other", [Account("Armin", "other@pypi.test"), Account("other", "ARMIN@pypi.test")])
def test_a_name_and_an_address_are_one_account_s_however_they_are_written(store: Store, other: Account) -> None:
    accounts.register(store, ARMIN, "correct horse 1")
    with pytest.raises(Taken):
        accounts.register(store, other, "another 2")
    assert accounts.authenticated(store, "armin", "correct horse 1") == ARMIN


def test_an_account_waits_for_its_key(store: Store) -> None:
    waiting = Account("new", "new@pypi.test", is_confirmed=False)
    key = accounts.register(store, waiting, "correct horse 1")
    assert (accounts.with_key(store, key), accounts.with_key(store, "")) == (waiting, None)
    assert not accounts.confirm(store, "another")
    assert accounts.confirm(store, key)
    found = accounts.named(store, "new")
    assert found is not None
    assert found.is_confirmed
    assert not accounts.confirm(store, key), "a key is used once"


def given(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))


def test_an_operator_makes_accounts_and_gives_them_other_passwords(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for password in ("correct horse 1", "battery staple 2"):
        given(monkeypatch, password)
        assert main(["account", str(store.directory), "armin", "armin@pypi.test"]) == 0
        assert accounts.authenticated(store, "armin", password) == ARMIN
    given(monkeypatch, "")
    assert main(["account", str(store.directory), "armin", "armin@pypi.test"]) == 2
    given(monkeypatch, "correct horse 1")
    assert main(["account", str(store.directory), "eve", "armin@pypi.test"]) == 1
    assert "armin@pypi.test is the address of another account" in capsys.readouterr().err


def test_documentation_that_no_link_points_to_is_swept_once_it_is_old(store: Store, tmp_path: Path) -> None:
    trees = store.documentation_directory / ".trees"
    for name in ("used", "left", "new"):
        (trees / name).mkdir(parents=True)
        (trees / name / "index.html").write_text(name)
    (store.documentation_directory / "flask").symlink_to(Path(".trees") / "used")
    for name in ("used", "left"):
        os.utime(trees / name, (0, 0))
    assert main(["sweep", str(store.directory)]) == 0
    assert sorted(tree.name for tree in trees.iterdir()) == ["new", "used"]
