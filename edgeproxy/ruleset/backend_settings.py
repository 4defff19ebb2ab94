"""What a backend of a rule file says beside where it is: timeouts, health, ejection, limits, TLS."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from edgeproxy.ruleset.addresses import read_certificate_name
from edgeproxy.ruleset.listen import read_certificate, read_file
from edgeproxy.ruleset.nodes import Node
from edgeproxy.ruleset.origins import BackendTls, Circuit, Ejection, HealthCheck, Timeouts
from edgeproxy.ruleset.problems import Code
from edgeproxy.ruleset.quantities import written_duration
from edgeproxy.ruleset.read_limits import COUNT, NUMBER, WAIT
from edgeproxy.ruleset.shape import (
    BACKEND_LIMITS,
    BACKEND_TLS,
    EJECT,
    HEALTH,
    TIMEOUTS,
    Findings,
    Kind,
    read_fields,
    read_table,
    read_value,
)
from edgeproxy.ruleset.values import read_request_target

_TIMEOUTS: Final = dict.fromkeys(TIMEOUTS.keys, WAIT)
_HEALTH: Final = {
    "path": Kind(read_request_target, "it is the path that the backend is asked for"),
    "interval": WAIT,
    "timeout": WAIT,
    "healthy": COUNT,
    "unhealthy": COUNT,
}
_EJECT: Final = {"failures": COUNT, "period": WAIT, "most": WAIT}
_LIMITS: Final = {"connections": COUNT, "pending": NUMBER, "retries": NUMBER}


def read_timeouts(findings: Findings, node: Node) -> Timeouts:
    return Timeouts(**read_fields(findings, read_table(findings, node, TIMEOUTS) or {}, _TIMEOUTS))


def read_circuit(findings: Findings, node: Node) -> Circuit:
    return Circuit(**read_fields(findings, read_table(findings, node, BACKEND_LIMITS) or {}, _LIMITS))


def read_health(findings: Findings, node: Node) -> HealthCheck | None:
    """A check whose timeout is not given waits no longer than until the next one."""
    table = read_table(findings, node, HEALTH) or {}
    given = read_fields(findings, table, _HEALTH)
    if "path" not in given:
        return None
    check = HealthCheck(**given)
    if check.timeout <= check.interval:
        return check
    if "timeout" not in given:
        return HealthCheck(**{**given, "timeout": check.interval})
    findings.report(
        Code.CONFLICTING_VALUES,
        table["timeout"].place,
        f"a `timeout` of {written_duration(check.timeout)} with an `interval` of {written_duration(check.interval)}",
        "the next check would begin before the last one has ended.",
        f"write `timeout: {written_duration(check.interval)}`, or `interval: {written_duration(check.timeout)}`.",
    )
    return None


def read_ejection(findings: Findings, node: Node) -> Ejection | None:
    """An ejection whose longest period is not given grows to the default, or not at all where it begins above it."""
    table = read_table(findings, node, EJECT) or {}
    given = read_fields(findings, table, _EJECT)
    ejection = Ejection(**given)
    if ejection.most >= ejection.period:
        return ejection
    if "most" not in given:
        return Ejection(**given, most=ejection.period)
    findings.report(
        Code.CONFLICTING_VALUES,
        table["most"].place,
        f"a `most` of {written_duration(ejection.most)} with a `period` of {written_duration(ejection.period)}",
        "the first ejection would already be longer than the longest.",
        f"write `most: {written_duration(ejection.period)}`, or `period: {written_duration(ejection.most)}`.",
    )
    return None


def read_backend_tls(findings: Findings, node: Node, base: Path) -> BackendTls:
    table = read_table(findings, node, BACKEND_TLS) or {}
    for one, other, example in (("cert", "key", "certs/edge.key"), ("key", "cert", "certs/edge.pem")):
        if one in table and other not in table:
            findings.report(
                Code.MISSING_KEY,
                table[one].place,
                f"a `{one}` without a `{other}`",
                "a certificate is shown together with the proof that its key is held.",
                f"add `{other}: {example}`, or remove `{one}`.",
            )
    name = None
    if "name" in table:
        name = read_value(findings, table["name"], read_certificate_name, "it is the name in the certificate")
    return BackendTls(read_file(findings, table.get("ca"), base), name, read_certificate(findings, table, base))
