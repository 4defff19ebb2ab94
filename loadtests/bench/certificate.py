"""The certificate of the cases with TLS: made afresh for a run by the `openssl` program, trusted by the load only.

Law: the load offers TLS 1.3 with one cipher and one key exchange, so that every proxy does the same arithmetic:
left alone, OpenSSL takes AES-256 where BoringSSL and Go take AES-128.
"""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtests.bench.processes import CannotStart, find_program

# Read by OpenSSL in wrk, which has no options for this.
_CLIENT_CONF: Final = """openssl_conf = all
[all]
ssl_conf = every
[every]
system_default = load
[load]
MinProtocol = TLSv1.3
Ciphersuites = TLS_AES_128_GCM_SHA256
Groups = X25519
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files, of which `both` holds chain and key, as HAProxy wants them."""

    chain: Path
    key: Path
    both: Path
    client_conf: Path


def make_certificate(directory: Path, host: str) -> Certificate:
    """A certificate of ECDSA P-256 that certifies itself. Raises CannotStart."""
    made = Certificate(*(directory / name for name in ("chain.pem", "key.pem", "both.pem", "client.cnf")))
    done = subprocess.run(
        (
            *(find_program("openssl") or "openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={host}"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-addext", f"subjectAltName=DNS:{host}"),
            *("-keyout", str(made.key), "-out", str(made.chain)),
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CannotStart(f"openssl made no certificate: {done.stdout.strip()[-200:]}")
    made.both.write_text(made.chain.read_text() + made.key.read_text())
    made.client_conf.write_text(_CLIENT_CONF)
    return made


def trusting(certificate: Certificate) -> ssl.SSLContext:
    """For a client that takes this certificate and TLS 1.3, and nothing else."""
    context = ssl.create_default_context(cafile=str(certificate.chain))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
