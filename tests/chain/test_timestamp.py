"""RFC 3161, against a time-stamp authority that openssl makes for the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from guardrail.chain.errors import (
    EvidenceError,
    EvidenceUnavailable,
    Malformed,
    SignatureRejected,
)
from guardrail.chain.timestamp import TimestampRequest, timestamp_request, verify_timestamp
from tests.chain.signers import flip, signed, tree_of

HEAD = tree_of([b"a", b"b"])
ROOT = "Test root, long-named so that certificates stand in DER order"
SECOND = 1_000_000_000
CONFIG = """
[tsa]
default_tsa = it
[it]
serial = {folder}/serial
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
signer_digest = sha256
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True, slots=True)
class Authority:
    folder: Path
    root: bytes
    chain: str = ""

    def answer(self, request: TimestampRequest) -> bytes:
        (self.folder / "request.tsq").write_bytes(request.der)
        command = "openssl ts -reply -config tsa.cnf -section it -queryfile request.tsq"
        command += " -signer tsa.pem -inkey tsa.key -out response.tsr" + self.chain
        subprocess.run(command.split(), cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "response.tsr").read_bytes()


def certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    ca: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    ca = ca or name == issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(issuer_key, SHA256())


def make_authority(folder: Path, between: str = "") -> Authority:
    """A root and a signer under it, with an intermediate authority in between if it has a name."""
    root_key, middle_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    root = certificate(ROOT, root_key, ROOT, root_key)
    middle = certificate(between or "unused", middle_key, ROOT, root_key, ca=True)
    issuer, issuer_key = (between, middle_key) if between else (ROOT, root_key)
    signer = certificate("Test TSA", key, issuer, issuer_key)
    (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
    (folder / "middle.pem").write_bytes(middle.public_bytes(Encoding.PEM))
    (folder / "tsa.pem").write_bytes(signer.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "tsa.key").write_bytes(private)
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01\n")
    chain = " -chain middle.pem" if between else ""
    return Authority(folder, root.public_bytes(Encoding.DER), chain)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        message = "no time-stamp authority to test with: apt-get install openssl"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return make_authority(tmp_path_factory.mktemp("tsa"))


def test_a_checkpoint_is_time_stamped(authority: Authority) -> None:
    request = timestamp_request(HEAD)
    response = authority.answer(request)
    for nonce in (request.nonce, None):
        stamp = verify_timestamp(response, HEAD, [authority.root], nonce)
        assert abs(stamp.at - time.time_ns()) < 3600 * SECOND
        assert stamp.at % 1000 == 0
        assert (stamp.policy, stamp.serial) == ("1.2.3.4.1", 2)


def test_an_authority_below_another_is_believed_for_its_root(
    authority: Authority, tmp_path: Path
) -> None:
    below = make_authority(tmp_path, between="Test middle")
    response = below.answer(timestamp_request(HEAD))
    assert verify_timestamp(response, HEAD, [below.root]).policy == "1.2.3.4.1"
    with pytest.raises(SignatureRejected):
        verify_timestamp(response, HEAD, [authority.root])


def test_a_time_stamp_of_something_else_is_rejected(authority: Authority, tmp_path: Path) -> None:
    request = timestamp_request(HEAD)
    response = authority.answer(request)
    with pytest.raises(SignatureRejected, match="Mismatch between messages"):
        verify_timestamp(response, replace(HEAD, size=3), [authority.root])
    assert request.nonce is not None
    with pytest.raises(SignatureRejected, match="Nonce mismatch"):
        verify_timestamp(response, HEAD, [authority.root], request.nonce + 1)
    with pytest.raises(SignatureRejected, match="at least one root"):
        verify_timestamp(response, HEAD, [])
    other = make_authority(tmp_path)
    with pytest.raises(SignatureRejected, match="certificate"):
        verify_timestamp(response, HEAD, [other.root])
    with pytest.raises(Malformed, match="not a certificate"):
        verify_timestamp(response, HEAD, [b"noise"])


def test_no_flipped_bit_gives_another_answer(authority: Authority) -> None:
    """Bits that nothing signs may flip unseen, but never into another time or checkpoint."""
    request = timestamp_request(HEAD)
    response = authority.answer(request)
    stamp = verify_timestamp(response, HEAD, [authority.root], request.nonce)
    unseen = 0
    for at in range(len(response)):
        try:
            again = verify_timestamp(flip(response, at, at % 8), HEAD, [authority.root])
        except EvidenceError:
            continue
        unseen += 1
        assert again == stamp
    assert unseen < len(response) // 20


def test_a_refusal_and_noise_are_told_apart(authority: Authority) -> None:
    refused = bytes.fromhex("3005300302 0102".replace(" ", ""))
    with pytest.raises(EvidenceError):
        verify_timestamp(refused, HEAD, [authority.root])
    for noise in (b"", b"noise", bytes(100), timestamp_request(HEAD).der, b"0" * 100_001):
        with pytest.raises(Malformed):
            verify_timestamp(noise, HEAD, [authority.root])


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(EvidenceUnavailable, match=r"likeness-guardrail\[timestamp\]"):
        timestamp_request(HEAD)
    with pytest.raises(EvidenceUnavailable, match=r"likeness-guardrail\[timestamp\]"):
        verify_timestamp(b"", HEAD, [])


def test_openssl_verifies_it_as_the_page_says(authority: Authority) -> None:
    authority.answer(timestamp_request(HEAD))
    (authority.folder / "checkpoint").write_bytes(signed(HEAD))
    script = "head -n 3 checkpoint > text && "
    script += "openssl ts -verify -in response.tsr -data text -CAfile root.pem"
    done = subprocess.run(
        ["sh", "-c", script],  # noqa: S607
        cwd=authority.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Verification: OK" in done.stdout + done.stderr
