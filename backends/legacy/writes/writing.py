"""What each write is given, what becomes of it, and whether its sender may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from backends.legacy import answers
from backends.legacy.answers import Answer
from backends.legacy.names import normalized_name
from backends.legacy.site import Site
from backends.store import Project, Store
from backends.store.accounts import Account
from backends.store.model import Status
from backends.upload.receiving import SentFile

CLOSED: frozenset[Status] = frozenset({"archived", "quarantined"})  # to uploads (PEP 792), at both sites


class NotTaken(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Sent:
    """`fields`: of the query, then of the form. `attached`: what is short and was sent as a file."""

    fields: Sequence[tuple[str, str]]
    file: SentFile | None = None
    attached: Mapping[str, bytes] | None = None
    authorization: str = ""

    def one(self, key: str) -> str:
        return next((value for name, value in reversed(self.fields) if name == key), "")

    def bytes_of(self, key: str) -> bytes:
        """Tools send it as a file, browsers as a field, and some send it empty."""
        return (self.attached or {}).get(key, self.one(key).encode())


@dataclass(frozen=True, slots=True)
class Writing:
    store: Store
    sent: Sent
    account: Account | None  # of who sent it
    now: datetime
    site: Site


@dataclass(frozen=True, slots=True)
class Done:
    answer: Answer
    tags: tuple[str, ...] = ()  # of pages that are old now


def identified(writing: Writing, why: str) -> Account:
    """Raises NotTaken: 401."""
    if writing.account is None:
        raise NotTaken(answers.login(why))
    if not writing.account.is_confirmed:
        raise NotTaken(answers.login("Incomplete registration; check your email"))
    return writing.account


def has_role(store: Store, project: Project, account: Account) -> bool:
    return any(user == account.name for _, user in store.roles(project.normalized))


def own_project(store: Store, name: str, account: Account) -> Project:
    """The project of this name, however it is spelled. Raises NotTaken: 403."""
    project = store.project(normalized_name(name))
    if project is None or not has_role(store, project, account):
        known = name if project is None else project.name
        raise NotTaken(answers.forbidden(f"You are not allowed to edit '{known}' package information"))
    check_open(project)
    return project


def check_open(project: Project) -> None:
    if project.status in CLOSED:
        raise NotTaken(answers.forbidden(f"Project '{project.name}' is {project.status} and takes no new files"))
