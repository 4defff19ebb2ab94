"""The names in certificates and their ends, against what `cryptography` reads."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from edgeproxy.proxy.certificate_names import end_in_der, end_in_pem, names_in_der, names_in_pem

END = datetime(2026, 1, 2, tzinfo=UTC)


def certificate(*extensions: x509.ExtensionType, end: datetime = END) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "common.pypi.test")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(datetime(1999, 1, 1, tzinfo=UTC))
    builder = builder.not_valid_after(end)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(key, hashes.SHA256())


def test_the_dns_names_are_read_in_lower_case_and_nothing_else_is() -> None:
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName("PyPI.test"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.DNSName("*.pypi.test"),
            x509.RFC822Name("somebody@pypi.test"),
        ]
    )
    der = certificate(x509.BasicConstraints(ca=False, path_length=None), names).public_bytes(Encoding.DER)
    assert names_in_der(der) == ("pypi.test", "*.pypi.test")


def test_a_long_list_of_names_is_read_whole() -> None:
    names = [f"host-{number}.pypi.test" for number in range(500)]
    der = certificate(x509.SubjectAlternativeName([x509.DNSName(name) for name in names])).public_bytes(Encoding.DER)
    assert names_in_der(der) == tuple(names)


def test_a_common_name_is_no_host_name() -> None:
    assert names_in_der(certificate().public_bytes(Encoding.DER)) == ()


def test_in_a_chain_the_first_certificate_counts() -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("app.pypi.test", "*.files.pypihosted.test")
    pem = b"a comment\n" + b"".join(blob.bytes() for blob in leaf.cert_chain_pems) + authority.cert_pem.bytes()
    assert names_in_pem(pem) == ("app.pypi.test", "*.files.pypihosted.test")


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"])
def test_a_file_without_a_certificate_is_refused(pem: bytes) -> None:
    with pytest.raises(ValueError, match="no certificate"):
        names_in_pem(pem)


def test_der_that_ends_anywhere_is_refused_or_has_fewer_names() -> None:
    der = certificate(x509.SubjectAlternativeName([x509.DNSName("pypi.test")])).public_bytes(Encoding.DER)
    for end in range(len(der)):
        with pytest.raises(ValueError):  # noqa: PT011  # the message is of no interest here
            names_in_der(der[:end])
        with pytest.raises(ValueError):  # noqa: PT011
            end_in_der(der[:end])


@pytest.mark.parametrize(
    "end",
    [
        datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 3, 1, 12, 30, 1, tzinfo=UTC),
        datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),  # the last with two digits of a year (RFC 5280 §4.1.2.5)
        datetime(2050, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),  # no end known (RFC 5280 §4.1.2.5)
    ],
)
def test_the_end_is_read_in_both_of_its_forms(end: datetime) -> None:
    made = certificate(end=end)
    assert end_in_pem(made.public_bytes(Encoding.PEM)) == end == made.not_valid_after_utc
