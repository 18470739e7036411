"""Signatures of certificates with ed25519 (RFC 8032): who vouches for what was found."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import rfc8785
from pydantic import StringConstraints

from adrs.errors import ConfigError
from adrs.trust._certificate import Certificate, Part
from adrs.trust._task_files import plain

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNING_KEY = "ADRS_SIGNING_KEY"
_KEY_BYTES = 32
_MAX_KEY_FILE = 64 * 1024


class Signature(Part):
    """A signature of a certificate's canonical bytes.

    Whoever holds a certificate can sign it; what counts is whether the key is one that is trusted.
    """

    algorithm: Literal["ed25519"]
    key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43}=$")]
    """The public key's 32 bytes in base64."""
    signature: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{86}==$")]
    """64 bytes in base64."""

    def canonical(self) -> bytes:
        """The bytes of signature.json: canonical JSON after RFC 8785."""
        return rfc8785.dumps(self.model_dump(mode="json"))

    def fault(self, certificate: Certificate) -> str:
        """Why it is no signature of the certificate by its own key; "" if it is one."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            key = Ed25519PublicKey.from_public_bytes(base64.b64decode(self.key, validate=True))
            key.verify(base64.b64decode(self.signature, validate=True), certificate.canonical())
        except (InvalidSignature, ValueError):
            return "it does not fit the certificate and its own key"
        return ""


def signing_key() -> Path | None:
    """The file of the private key that the user wants winners signed with, if any.

    Raises:
        ConfigError: it is not a private ed25519 key in PEM.
        ConfigError: others can read it.
    """
    named = os.environ.get(SIGNING_KEY, "")
    if not named:
        return None
    _private_key(Path(named))
    return Path(named)


def sign(certificate: Certificate, key: Path) -> Signature:
    """Signs with a private key in PEM.

    Raises:
        ConfigError: the file cannot be read, or others than its owner may read it.
        ConfigError: it holds no ed25519 key, or one that needs a pass phrase.
    """
    private = _private_key(key)
    return Signature(
        algorithm="ed25519",
        key=base64.b64encode(private.public_key().public_bytes_raw()).decode(),
        signature=base64.b64encode(private.sign(certificate.canonical())).decode(),
    )


def _private_key(path: Path) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        # A pipe would keep us for ever if we waited.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise ConfigError(f"{SIGNING_KEY} names {path}, which is not a regular file")
            if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigError(
                    f"the private key {path} can be read by others than you "
                    f"(mode {stat.S_IMODE(found.st_mode):o}); run: chmod 600 {path}"
                )
            content = file.read(_MAX_KEY_FILE)
    except OSError as error:
        raise ConfigError(
            f"{SIGNING_KEY} names {path}, which cannot be read: {error.strerror}"
        ) from None
    # Whatever goes wrong from here on, nothing of the content may get into a message.
    cure = "make one with: openssl genpkey -algorithm ed25519 -out KEY.pem"
    try:
        private = load_pem_private_key(content, password=None)
    except TypeError:
        raise ConfigError(
            f"the private key {path} needs a pass phrase, and ADRS asks for none; {cure}"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(f"{path} holds no private key in PEM; {cure}") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigError(f"the private key {path} is not of the kind ed25519; {cure}")
    return private


def read_trusted_keys(file: Path) -> dict[str, str]:
    """Names to public keys in base64, from lines `NAME KEY`; # starts a comment.

    Raises:
        ConfigError: it cannot be read, or a line is something else.
        ConfigError: a name or a key comes twice, or there is no key.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ConfigError(f"the trusted keys {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the trusted keys {file} are not UTF-8; write them as text") from error
    keys: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2 or not _is_key(words[1]):
            raise ConfigError(
                f"{file}, line {number}: expected NAME and an ed25519 public key (32 bytes in "
                f"base64, as `key` in signature.json has them), got {plain(line)!r}"
            )
        name, key = words
        if name in keys or key in keys.values():
            raise ConfigError(f"{file}, line {number}: name or key of {plain(name)} comes twice")
        keys[name] = key
    if not keys:
        raise ConfigError(f"{file} has no key; add lines with NAME and an ed25519 public key")
    return keys


def _is_key(text: str) -> bool:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == _KEY_BYTES and base64.b64encode(raw).decode() == text


def signer(
    certificate: Certificate, signature: Signature | None, trusted: Mapping[str, str]
) -> str:
    """The name of the trusted key that signed; "" if none did."""
    if signature is None or signature.fault(certificate):
        return ""
    return next((name for name, key in trusted.items() if key == signature.key), "")
