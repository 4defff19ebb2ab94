"""FINDINGS.md tells of everything that the checker finds: by an example that gives it, and its severity."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import edgeproxy.ruleset.checker
from edgeproxy.ruleset.checker.check import check_ruleset
from edgeproxy.ruleset.checker.severity import SEVERITIES, Severity
from edgeproxy.ruleset.load import parse_ruleset
from edgeproxy.ruleset.model import Ruleset
from edgeproxy.ruleset.problems import Code

FOLDER = Path(edgeproxy.ruleset.checker.__file__).parent
TEXT = (FOLDER / "FINDINGS.md").read_text()
SECTIONS = dict(re.findall(r"^### `([a-z-]+)`\n(.*?)(?=^##|\Z)", TEXT, re.M | re.S))
FOUND = sorted(
    {
        Code[name]
        for path in FOLDER.glob("*.py")
        if path.name != "severity.py"
        for name in re.findall(r"\bCode\.([A-Z_]+)", path.read_text())
    }
)
WITHOUT_EXAMPLE = {Code.UNDECIDED}  # it tells of bounds, which no few lines come to

DEFAULTS = {
    "edge": "edge: 1\n",
    "listen": 'listen: [{address: "127.0.0.1:8080"}]\n',
    "hosts": "hosts: {app: {names: [pypi.test]}}\n",
    "backends": 'backends: {modern: {url: "http://127.0.0.1:8082"}, legacy: {url: "http://127.0.0.1:8081"}}\n',
}


def ruleset(example: str, name: str) -> Ruleset:
    missing = [text for section, text in DEFAULTS.items() if not re.search(f"^{section}:", example, re.M)]
    return parse_ruleset("".join(missing) + example, name, base=Path("/srv"))


@pytest.mark.parametrize("code", FOUND)
def test_every_finding_has_a_section_and_a_severity(code: Code) -> None:
    assert code in SEVERITIES
    assert SECTIONS[code].strip()


@pytest.mark.parametrize("code", [code for code in FOUND if code not in WITHOUT_EXAMPLE])
def test_its_example_gives_it_and_no_other_error(code: Code) -> None:
    before = [ruleset(each, "before.yaml") for each in re.findall(r"```yaml before\n(.*?)```", SECTIONS[code], re.S)]
    (example,) = re.findall(r"```yaml\n(.*?)```", SECTIONS[code], re.S)
    report = check_ruleset(ruleset(example, "rules.yaml"), before)
    assert code in {problem.code for problem in report.findings}
    errors = {problem.code for problem in report.of(Severity.ERROR)}
    assert errors <= {code, Code.REDIRECT_LOOP}


@pytest.mark.parametrize("severity", Severity)
def test_the_table_has_each_finding_by_its_severity(severity: Severity) -> None:
    (row,) = re.findall(rf"^\| {severity} \| .*", TEXT, re.M)
    listed = set(re.findall(r"`([a-z-]+)`", row.rsplit("|", 2)[1]))
    assert listed == {code.value for code in FOUND if SEVERITIES[code] is severity}


@pytest.mark.parametrize("code", [code for code in FOUND if code not in WITHOUT_EXAMPLE])
def test_the_corpus_has_a_case_of_every_finding(code: Code) -> None:
    texts = [path.read_text() for path in (Path(__file__).parent / "corpus").glob("*/*.txt")]
    assert any(re.search(rf"^\S+: (?:warning: |note: )?{code}: ", text, re.M) for text in texts)
