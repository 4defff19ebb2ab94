"""The tags (`Surrogate-Key`) with which edges keep pages of the site, and those whose pages a change has made old.

A file changes the pages of its project. A release, or how a project or release stands, changes the lists as well, and
the pages of those who have a role for the project.
"""

from __future__ import annotations

from backends.store import Store

ALL_PROJECTS = "all-projects"


def project_tag(normalized: str) -> str:
    return f"project/{normalized}"


def user_tag(name: str) -> str:
    return "user/" + "".join(character for character in name if character.isascii() and character.isalnum())


def changed_tags(store: Store, normalized: str, lists_too: bool) -> tuple[str, ...]:
    if not lists_too:
        return (project_tag(normalized),)
    users = dict.fromkeys(user_tag(user) for _, user in store.roles(normalized))
    return (project_tag(normalized), ALL_PROJECTS, *users)
