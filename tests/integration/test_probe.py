"""`edgeproxy check --probe` against both bundled backends, on real packages: what is declared, and what nobody declared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeproxy.cli.demo_processes import Processes
from edgeproxy.cli.main import main

FILES = "https://files.pypihosted.test"
RULES = """edge: 1
listen: [{{address: "127.0.0.1:0"}}]
hosts: {{app: {{names: [pypi.test]}}, old: {{names: [legacy.pypi.test]}}}}
backends:
  legacy: {{url: "http://127.0.0.1:1", host: legacy.pypi.test{legacy}}}
  modern: {{url: "http://127.0.0.1:1", host: pypi.test{modern}}}
rules:
  - {{name: simple, match: {{host: app, path: "/simple/{{project}}/"}}, forward: {{backend: modern}}}}
  - {{name: app, match: {{host: app, path: "/{{rest*}}"}}, forward: {{backend: modern}}}}
  - {{name: old-simple, match: {{host: old, path: "/simple/{{project}}/"}}, forward: {{backend: legacy}}}}
  - {{name: old, match: {{host: old, path: "/{{rest*}}"}}, forward: {{backend: legacy}}}}
"""
PATHS = [
    "/",
    "/simple",
    "/simple/six",
    "/simple/yarl",
    "/simple/Six/",
    "/simple/PyYAML/",
    "/simple/zope.interface/",
    "/simple/zope_interface/",
    "/project/six",
    "/project/yarl",
    "/pypi/Six/json",
    "/pypi/pyyaml/json",
    "/pypi/pyyaml",
    "/pypi/SIX",
    "/pypi/six/",
    "/pypi/yarl/",
    "/packages/a/b/c",
    "/packages/d/e/f",
]


@pytest.fixture(scope="module")
def backends(seeded: Path) -> Iterator[list[str]]:
    """The options that say where both backends are."""
    with Processes() as processes:
        legacy = processes.start("legacy", "backends.legacy", "--store", seeded, "--listen", "127.0.0.1:0")
        modern = processes.start(
            *("modern", "backends.modern", "--store", seeded, "--listen", "127.0.0.1:0", "--files-url", FILES)
        )
        yield ["--backend", f"legacy={legacy}", "--backend", f"modern={modern}"]


def probe(path: Path, backends: list[str], capsys: pytest.CaptureFixture[str], **declared: list[str]) -> str:
    written = {name: f", redirects: [{', '.join(each)}]" if each else "" for name, each in declared.items()}
    path.write_text(RULES.format(**written))
    given = [part for each in PATHS for part in ("--probe-path", each)]
    assert main(["check", str(path), "--probe", "--probe-rate", "500", *backends, *given]) in (0, 1)
    return capsys.readouterr().out


def test_what_is_found_can_be_pasted_and_is_then_confirmed(
    tmp_path: Path, backends: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    said = probe(tmp_path / "rules.yaml", backends, capsys, legacy=[], modern=[])
    found: dict[str, list[str]] = {"legacy": [], "modern": []}
    for name, line in re.findall(r"add to `redirects` of (\w+)[^:]*: - (\{.*\})\n", said):
        found[name].append(line)
    assert {
        '{path: "/simple/{project}/", where: {project: {not_normalized: pep503}}, to: "/simple/{project|pep503}/", status: 301}',
        '{path: "/project/{part2}", to: "/project/{part2}/", status: 301}',
        f'{{path: "/packages/{{part2}}/{{part3}}/{{part4}}", to: "{FILES}/packages/{{part2}}/{{part3}}/{{part4}}", status: 301}}',
    } <= set(found["modern"])
    assert (
        '{path: "/simple/{project}/", where: {project: {not_normalized: safe_lower}}, '
        'to: "/simple/{project|safe_lower}", status: 301, lifetime: 10m}'
    ) in found["legacy"]

    again = probe(tmp_path / "again.yaml", backends, capsys, **found)
    number = sum(map(len, found.values()))
    assert f"of {number} declared redirects {number} are confirmed, 0 are not so, 0 could not be tried" in again
    assert "undeclared-redirect" not in again


def test_a_declaration_that_is_not_so_and_a_backend_that_is_away_are_told(
    tmp_path: Path, backends: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = ['{path: "/project/{name}", to: "/projects/{name}/", status: 301}']
    away = ["--backend", "legacy=http://127.0.0.1:1", *backends[2:]]
    said = probe(tmp_path / "rules.yaml", away, capsys, legacy=['{path: "/simple", to: "/simple/"}'], modern=wrong)
    assert "redirect-not-so: modern does not redirect /project/six as declared" in said
    assert "it answered 301 to /project/six/; declared is 301 to /projects/{name}/" in said
    assert "not-probed: whether legacy redirects /simple could not be tried" in said
    assert "no answer: Connection refused" in said


def test_paths_come_from_a_file_too(tmp_path: Path, backends: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rules.yaml").write_text(RULES.format(legacy="", modern=""))
    (tmp_path / "paths").write_text("/simple/Six/\n")
    options = ["check", str(tmp_path / "rules.yaml"), "--probe", *backends]
    main([*options, "--probe-from", str(tmp_path / "paths"), "--probe-most", "8", "--probe-rate", "500"])
    said = capsys.readouterr().out
    assert "modern redirects /simple/Six/, and no declaration says so" in said
    assert main([*options, "--probe-from", str(tmp_path / "none")]) == 2
