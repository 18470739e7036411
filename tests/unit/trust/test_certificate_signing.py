"""Who vouches for a winner: keys that are kept to oneself, and keys that one trusts."""

from __future__ import annotations

import base64
import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from unit.trust.winner import Winner

from adrs import CertificateChanged, ConfigError
from adrs.trust import (
    Certificate,
    read_folder,
    read_trusted_keys,
    sign,
    signed_by,
    signing_key,
    write_folder,
)


def pem(private: Ed25519PrivateKey | rsa.RSAPrivateKey, phrase: bytes = b"") -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(phrase) if phrase else serialization.NoEncryption(),
    )


def public(private: Ed25519PrivateKey) -> str:
    return base64.b64encode(private.public_key().public_bytes_raw()).decode()


@pytest.fixture
def private() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def key(private: Ed25519PrivateKey, tmp_path: Path) -> Path:
    return keep(tmp_path / "key.pem", pem(private))


def keep(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    file.chmod(0o600)
    return file


@pytest.fixture
def folder(kept: Winner, certificate: Certificate, key: Path, tmp_path: Path) -> Path:
    program = kept.program(certificate)
    signature = sign(certificate, key)
    task, place = kept.task.folder, tmp_path / "winners"
    return write_folder(certificate, program, task, place, signature)


def test_a_signature_is_known_by_its_key(folder: Path, private: Ed25519PrivateKey) -> None:
    bundle = read_folder(folder)
    assert signed_by(bundle, {"lab": public(private)}) == "lab"
    assert signed_by(bundle, {"lab": public(Ed25519PrivateKey.generate())}) == ""
    assert signed_by(bundle, {}) == ""


def test_without_a_signature_nobody_vouches(folder: Path, private: Ed25519PrivateKey) -> None:
    (folder / "signature.json").unlink()
    assert signed_by(read_folder(folder), {"lab": public(private)}) == ""


@pytest.mark.parametrize("field", ["key", "signature"])
def test_a_signature_that_does_not_fit_is_a_change(folder: Path, field: str) -> None:
    file = folder / "signature.json"
    content = json.loads(file.read_bytes())
    raw = bytearray(base64.b64decode(content[field]))
    raw[5] ^= 1
    content[field] = base64.b64encode(raw).decode()
    file.write_text(json.dumps(content, separators=(",", ":"), sort_keys=True))
    assert changed(folder) == ("signature: it does not fit the certificate and its own key",)


def changed(folder: Path) -> tuple[str, ...]:
    with pytest.raises(CertificateChanged) as refused:
        read_folder(folder)
    return refused.value.changed


def test_a_signature_of_another_certificate_does_not_count(
    kept: Winner, folder: Path, key: Path
) -> None:
    other = kept.certificate(confined={})
    (folder / "signature.json").write_bytes(sign(other, key).canonical())
    assert changed(folder) == ("signature: it does not fit the certificate and its own key",)


def test_no_flipped_byte_of_a_signature_goes_unseen(folder: Path) -> None:
    file = folder / "signature.json"
    whole = file.read_bytes()
    for at in random.Random().sample(range(len(whole)), 40):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert all(fault.startswith("signature: ") for fault in changed(folder)), at
    file.write_bytes(whole + b" " * 5000)
    assert changed(folder) == ("signature: it has more than 4096 bytes",)


def test_the_key_is_named_in_the_environment(monkeypatch: pytest.MonkeyPatch, key: Path) -> None:
    monkeypatch.delenv("ADRS_SIGNING_KEY", raising=False)
    assert signing_key() is None
    monkeypatch.setenv("ADRS_SIGNING_KEY", str(key))
    assert signing_key() == key
    monkeypatch.setenv("ADRS_SIGNING_KEY", str(key) + ".gone")
    with pytest.raises(ConfigError):
        signing_key()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_that_others_may_read_is_refused(
    certificate: Certificate, key: Path, mode: int
) -> None:
    key.chmod(mode)
    with pytest.raises(ConfigError, match=f"mode {mode:o}.*chmod 600"):
        sign(certificate, key)


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "text", "rsa", "phrase", "public"])
def test_a_file_without_a_usable_key_is_refused_and_not_shown(
    certificate: Certificate, private: Ed25519PrivateKey, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "a key"
    secret = "CORRECT HORSE"
    if kind == "folder":
        file.mkdir(mode=0o700)
    elif kind == "pipe":
        os.mkfifo(file, 0o600)
    elif kind == "text":
        keep(file, f"-----BEGIN PRIVATE KEY-----\n{secret}\n".encode())
    elif kind == "rsa":
        keep(file, pem(rsa.generate_private_key(65537, 2048)))
    elif kind == "phrase":
        keep(file, pem(private, phrase=secret.encode()))
    elif kind == "public":
        keep(file, private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ))  # fmt: skip
    with pytest.raises(ConfigError) as refused:
        sign(certificate, file)
    assert str(file) in str(refused.value)
    content = file.read_text() if file.is_file() else ""
    assert not any(line in str(refused.value) for line in content.splitlines() if len(line) > 5)


def test_a_key_made_with_openssl_signs(
    kept: Winner, certificate: Certificate, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("NOT TESTED: there is no openssl here")
    file = tmp_path / "made.pem"
    make = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(file)]
    subprocess.run(make, check=True, capture_output=True)
    assert file.stat().st_mode & 0o077 == 0
    show = ["openssl", "pkey", "-in", str(file), "-pubout", "-outform", "DER"]
    der = subprocess.run(show, check=True, capture_output=True).stdout
    assert sign(certificate, file).key == base64.b64encode(der[-32:]).decode()


def test_trusted_keys_are_lines_of_name_and_key(private: Ed25519PrivateKey, tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    other = public(Ed25519PrivateKey.generate())
    file.write_text(f"# who we trust\n\nlab {public(private)}  # since May\n  ci\t{other}\n")
    assert read_trusted_keys(file) == {"lab": public(private), "ci": other}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no key"),
        ("# nobody\n", "has no key"),
        ("lab\n", "line 1: expected NAME"),
        ("lab {key} more\n", "line 1: expected NAME"),
        ("\nlab AAAA\n", "line 2: expected NAME"),
        ("lab {other}=\n", "line 1: expected NAME"),
        ("lab {key}\nlab {other}\n", "line 2: name or key of lab comes twice"),
        ("lab {key}\nci {key}\n", "line 2: name or key of ci comes twice"),
        ("\x1b[31m \x1b[32m\n", r"got '\\\\x1b"),
    ],
)
def test_other_lines_are_refused(text: str, said: str, tmp_path: Path) -> None:
    keys = {name: public(Ed25519PrivateKey.generate()) for name in ("key", "other")}
    file = tmp_path / "keys.txt"
    file.write_text(text.format(**keys))
    with pytest.raises(ConfigError, match=said) as refused:
        read_trusted_keys(file)
    assert str(refused.value).isprintable()
    with pytest.raises(ConfigError, match="cannot be read"):
        read_trusted_keys(tmp_path / "nowhere")
