"""What a comparison leaves out, read from a rule and written as a report shows it."""

from __future__ import annotations

import pytest

from edgeproxy.ruleset.ignores import (
    Content,
    ElementIgnore,
    EmptyIgnore,
    HeaderIgnore,
    Ignore,
    PathIgnore,
    StatusIgnore,
    escaped,
    is_looked_at,
    read_ignore,
    written_ignore,
)
from edgeproxy.ruleset.modifiers import Comparison
from edgeproxy.ruleset.problems import Code, Refusal


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("header:X-Served-By", HeaderIgnore("x-served-by")),
        ("status/301/200", StatusIgnore(301, 200)),
        ("json:empty", EmptyIgnore()),
        ("file:/host", PathIgnore(Content.FILE, ("host",))),
        ("file:/host/files.pypihosted.test", PathIgnore(Content.FILE, ("host", "files.pypihosted.test"))),
        ("json:/info/downloads", PathIgnore(Content.JSON, ("info", "downloads"))),
        ("json:/releases/*/0", PathIgnore(Content.JSON, ("releases", None, "0"))),
        ("json:/a~1b~0c~2", PathIgnore(Content.JSON, ("a/b~c*",))),
        ("xmlrpc:/fault", PathIgnore(Content.XMLRPC, ("fault",))),
        ("index:/files/*/hashes/md5", PathIgnore(Content.INDEX, ("files", None, "hashes", "md5"))),
        ("html:/html/body/a/@href", PathIgnore(Content.HTML, ("html", "body", "a", "@href"))),
        ("html:META[Name=csrf-token]", ElementIgnore("meta", (("name", "csrf-token"),))),
        ('html:*.old.footer[data-x="a b"]', ElementIgnore(None, (("data-x", "a b"),), ("old", "footer"))),
        ("html:#serial", ElementIgnore(None, (("id", "serial"),))),
        ("html:[hidden]", ElementIgnore(None, (("hidden", None),))),
        ("html:script@nonce", ElementIgnore("script", only="nonce")),
        ("html:@nonce", ElementIgnore(only="nonce")),
    ],
)
def test_an_ignore_says_what_it_means(text: str, meant: Ignore) -> None:
    assert read_ignore(text) == meant
    assert read_ignore(written_ignore(meant)) == meant


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Date", Code.BAD_IGNORE),
        ("cookie:session", Code.BAD_IGNORE),
        *((f"status{it}", Code.BAD_IGNORE) for it in ("", "/200", "/200/*", "/200/99", "/200/404/x", ":200/404")),
        *((it, Code.BAD_IGNORE) for it in ("xmlrpc:empty", "file:", "file:/hosts", "file:/host/a/b", "file:/host/")),
        ("header:", Code.BAD_HEADER),
        *((f"json:{path}", Code.BAD_IGNORE) for path in ("", "/", "a", "//", "/a//b", "/a/", "/a~", "/~4")),
        *(
            (f"html:{it}", Code.BAD_IGNORE)
            for it in ("", "a b", "a > b", "a:hover", "a[", "a]", "a[b", "a@", "a@b@c", "1")
        ),
    ],
)
def test_anything_else_is_refused(text: str, code: Code) -> None:
    with pytest.raises(Refusal) as caught:
        read_ignore(text)
    assert caught.value.code is code


def test_a_name_is_one_part_whatever_is_in_it() -> None:
    for name in ("six", "a/b", "~", "*", "~1/*~", ""):
        assert read_ignore(f"json:/{escaped(name)}") == PathIgnore(Content.JSON, (name,))


def test_a_comparison_looks_into_its_own_kind_of_content() -> None:
    header, path, element = map(read_ignore, ("header:Vary", "index:/files/*/yanked", "html:nav"))
    status, empty, host = map(read_ignore, ("status/200/404", "json:empty", "file:/host"))
    assert all(is_looked_at(each, kind) for kind in Comparison for each in (header, status))
    assert [kind for kind in Comparison if is_looked_at(empty, kind)] == [Comparison.JSON]
    assert [kind for kind in Comparison if is_looked_at(host, kind)] == [Comparison.FILE]
    assert [kind for kind in Comparison if is_looked_at(path, kind)] == [Comparison.SIMPLE_INDEX]
    assert [kind for kind in Comparison if is_looked_at(element, kind)] == [Comparison.HTML]
