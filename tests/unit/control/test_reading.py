"""What is checked, and told, before the first worker is started."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from edgeproxy.control.failures import CannotRun
from edgeproxy.control.reading import _check_tokens, read_again, read_rules
from edgeproxy.ruleset.caches import CacheSettings
from edgeproxy.ruleset.load import NO_OVERRIDES, RuleFileError

RULES = """
edge: 1
listen: [{address: "127.0.0.1:8443", tls: [{cert: app.pem, key: app.key}]}]
hosts: {app: {names: [pypi.test]}}
rules: [{name: hello, match: {host: app, path: "/"}, respond: {status: 204}}]
"""


@pytest.mark.parametrize(("days", "how"), [(-1, "expired on"), (13, "expires on"), (15, None)])
def test_a_certificate_that_has_ended_or_soon_will_is_told_of(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], days: int, how: str | None
) -> None:
    end = datetime.now(UTC) + timedelta(days=days)
    issued = trustme.CA().issue_cert("pypi.test", not_before=end - timedelta(days=30), not_after=end)
    issued.private_key_pem.write_to_path(tmp_path / "app.key")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "app.pem")
    (tmp_path / "rules.yaml").write_text(RULES)
    read_rules(tmp_path / "rules.yaml", NO_OVERRIDES, generation=1)
    told = f"edgeproxy: https://127.0.0.1:8443: the certificate {tmp_path / 'app.pem'} {how} {end:%Y-%m-%d %H:%M} UTC: "
    assert capfd.readouterr().err == (f"{told}write a new one: it is taken within a second\n" if how else "")


PLAIN = """
edge: 1
listen: [{address: "127.0.0.1:0"}]
hosts: {app: {names: [pypi.test]}}
rules:
  - {name: all, match: {path: "/{rest*}"}, respond: {status: 204}}
"""
DEAD = PLAIN + "  - {name: dead, match: {path: /a}, respond: {status: 204}}\n"


def test_rules_with_errors_are_refused_at_the_start_and_at_a_reload(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(PLAIN)
    rules, _ = read_rules(path, NO_OVERRIDES, generation=1)
    assert read_again(rules)[1].generation == 2
    path.write_text(DEAD)
    with pytest.raises(RuleFileError, match="dead-rule: the rule 'dead' can never match"):
        read_again(rules)
    with pytest.raises(RuleFileError, match="dead-rule"):
        read_rules(path, NO_OVERRIDES, generation=1)


def test_unchecked_rules_are_taken_now_and_later(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(DEAD)
    rules, ruleset = read_rules(path, NO_OVERRIDES, generation=1, unchecked=True)
    assert len(ruleset.rules) == 2
    assert len(read_again(rules)[1].rules) == 2


def test_warnings_refuse_nothing_and_are_counted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rules.yaml"
    hosts = "{app: {names: [pypi.test]}, old: {names: [legacy.pypi.test]}}"
    path.write_text(PLAIN.replace("{app: {names: [pypi.test]}}", hosts).replace("{path:", "{host: app, path:"))
    read_rules(path, NO_OVERRIDES, generation=1)
    assert capfd.readouterr().err == f"edgeproxy: {path}: 1 warning: `edgeproxy check {path}` shows them\n"


def test_a_token_that_cannot_be_used_is_told_before_anything_is_served(tmp_path: Path) -> None:
    path, token = tmp_path / "rules.yaml", tmp_path / "token"
    path.write_text(PLAIN)
    _, plain = read_rules(path, NO_OVERRIDES, generation=1)
    named = {
        "purge_token": replace(plain, cache=CacheSettings(purge_token=token)),
        "arm_token": replace(plain, arm_token=token),
    }
    for key, ruleset in named.items():
        with pytest.raises(CannotRun, match=f"{key} {token} cannot be read"):
            _check_tokens(ruleset)
    token.write_text("0123456789abcdef\n")
    token.chmod(0o600)
    for ruleset in named.values():
        _check_tokens(ruleset)
