"""`doc_upload`: a zip of HTML pages, which are then on the documentation host."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from backends.legacy import answers
from backends.legacy.writes.writing import Done, NotTaken, Writing, identified, own_project
from backends.store import BadArchive, documentation
from backends.upload.tags import project_tag

DOCUMENTATION: Final = "https://pypihosted.test/"
LARGEST: Final = 100 << 20


def doc_upload(writing: Writing) -> Done:
    account = identified(writing, "You must be identified to edit package information")
    name, file, store = writing.sent.one("name"), writing.sent.file, writing.store
    if not name:
        raise NotTaken(answers.malformed("No package name given"))
    project = own_project(store, name, account)
    if file is None:
        raise NotTaken(answers.malformed("No file uploaded"))
    if file.too_large or file.content.size > LARGEST:
        raise NotTaken(answers.malformed("Documentation zip file is too large"))
    try:
        if documentation.INDEX not in documentation.names_in(file.content.path):
            raise NotTaken(answers.malformed('Error: top-level "index.html" missing in the zipfile'))
        documentation.publish(store.documentation_directory, project.name, file.content.path)
    except BadArchive as error:
        raise NotTaken(answers.malformed(f"Error uncompressing zipfile: {error}")) from error
    store.log_documentation(project.normalized, writing.now)
    return Done(answers.moved(f"{DOCUMENTATION}{quote(project.name)}/"), (project_tag(project.normalized),))
