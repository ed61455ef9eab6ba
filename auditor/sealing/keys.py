"""Keys that sign a seal: Ed25519 files, OpenSSH keys, keys of GnuPG; and the public ones that
check it.

securesystemslib and cryptography do the work (extra ``seal``). No private key, and no passphrase,
gets into a record or the text of an error.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fingerprints.errors import MalformedInput, UnsafeInput, UsageProblem, missing_extra, printable
from fingerprints.plants import open_to_others, write_private

if TYPE_CHECKING:
    from securesystemslib.signer import Key, Signer

PASSPHRASE = "AUDITOR_SEAL_PASSPHRASE"  # noqa: S105  the name of a variable
"""The environment variable that unlocks an encrypted key."""
LARGEST_KEY = 100_000
MAKE_ONE = "make one with `auditor seal --new-key FILE`"


def need_extra() -> None:
    """Raises UsageProblem where the libraries of the extra ``seal`` are missing."""
    for package in ("cryptography", "securesystemslib"):
        if importlib.util.find_spec(package) is None:
            raise missing_extra(package, "seal", "sealing and checking seals")


def new_key(path: Path) -> str:
    """Makes an Ed25519 key: the private half at ``path`` (PEM, for its owner alone), the public
    one beside it as ``.pub``. Returns the key id. Raises MalformedInput where a file is there."""
    need_extra()
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    made = Ed25519PrivateKey.generate()
    public = path.with_name(f"{path.name}.pub")
    if public.exists():
        raise MalformedInput("a file is there already", where=public, next_step="name another")
    write_private(
        path,
        made.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()),
    )
    public.write_bytes(
        made.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    )
    return str(public_key(public).keyid)


def file_signer(path: Path, ssh: bool = False) -> Signer:
    """The signer of a private Ed25519 key in a file: PEM, or as OpenSSH keeps it.

    Raises UnsafeInput for a file that others may read, MalformedInput for none, another kind of
    key, or a passphrase that is missing or wrong.
    """
    need_extra()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from securesystemslib.signer import CryptoSigner

    held = _private(path, ssh)
    if not isinstance(held, Ed25519PrivateKey):
        raise MalformedInput("not an Ed25519 key", where=path, next_step=MAKE_ONE)
    return CryptoSigner(held)


def _private(path: Path, ssh: bool) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as form

    data = _read(path)
    if open_to_others(path):
        raise UnsafeInput(
            "others may read this key", where=path, next_step=f"chmod 600 {path.name}"
        )
    given = os.environ.get(PASSPHRASE)
    word = given.encode() if given else None
    load = form.load_ssh_private_key if ssh else form.load_pem_private_key
    problem = None
    try:
        return load(data, password=word)
    except TypeError:  # encrypted and nothing given, or the reverse
        problem = f"the passphrase is {'not needed' if word else 'missing'}"
    except (ValueError, UnsupportedAlgorithm):
        problem = "not a private key, or another passphrase"
    # Raised out here, so that no error of the library, which might quote the key, hangs on it.
    step = f"set or unset {PASSPHRASE}, or {MAKE_ONE}"
    raise MalformedInput(problem, where=path, next_step=step)


def gpg_signer(keyid: str) -> Signer:
    """The signer of a key in GnuPG's ring, by its full fingerprint. Raises UsageProblem where there
    is none or no GnuPG."""
    from securesystemslib.signer import GPGSigner

    uri, key = _gpg(keyid)
    return GPGSigner.from_priv_key_uri(uri, key)


def gpg_key(keyid: str) -> Key:
    """The public key in GnuPG's ring, by its full fingerprint. Raises UsageProblem."""
    return _gpg(keyid)[1]


def _gpg(keyid: str) -> tuple[str, Key]:
    need_extra()
    from securesystemslib.exceptions import UnsupportedLibraryError
    from securesystemslib.signer import GPGSigner

    wanted = keyid.replace(" ", "").lower().removeprefix("0x")
    # Nothing else may reach a command line.
    if len(wanted) != 40 or set(wanted) - set("0123456789abcdef"):
        raise UsageProblem(
            "no fingerprint of 40 hexadecimal digits",
            where="--gpg",
            next_step="see `gpg --list-keys --fingerprint`",
        )
    try:
        return GPGSigner.import_(wanted)
    except UnsupportedLibraryError as error:
        raise UsageProblem(
            "GnuPG is not installed", where="--gpg", next_step="install gpg, or use --key"
        ) from error
    except ValueError as error:
        raise UsageProblem(
            "GnuPG holds no such key",
            where=printable(keyid, 60),
            next_step="see `gpg --list-keys --fingerprint`",
        ) from error


def public_key(path: Path) -> Key:
    """The public Ed25519 key in a file: PEM, or a line as OpenSSH writes it. Raises
    MalformedInput."""
    need_extra()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from securesystemslib.signer import SSlibKey

    data = _read(path)
    load = form.load_ssh_public_key if data.startswith(b"ssh-") else form.load_pem_public_key
    try:
        held = load(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_public(path) from error
    if not isinstance(held, Ed25519PublicKey):
        raise _no_public(path)
    return SSlibKey.from_crypto(held)


def told_key(key: Key) -> dict[str, Any]:
    """A public key as a seal keeps it."""
    return {"keyid": key.keyid, **key.to_dict()}


def key_told(held: dict[str, Any]) -> Key:
    """The public key that a seal keeps. Raises ValueError for what is none, and for an id that is
    not the key's own, under which another could pass."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from securesystemslib.signer import GPGKey, SSlibKey

    told = {k: v for k, v in held.items() if k != "keyid"}
    keyid = held.get("keyid")
    try:
        if held.get("keytype") == "ed25519":
            public = bytes.fromhex(told["keyval"]["public"])
            key: Key = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(public))
        else:
            key = GPGKey.from_dict(str(keyid), told)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not a public key") from error
    if key.keyid != keyid:
        raise ValueError("the key has another id than is said")
    return key


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_KEY)
    except OSError as error:
        raise MalformedInput(
            f"the key can't be read: {error.strerror}", where=path, next_step=MAKE_ONE
        ) from error


def _no_public(path: Path) -> MalformedInput:
    step = "give the .pub file of an Ed25519 key (PEM, or a line of OpenSSH)"
    return MalformedInput("not a public Ed25519 key", where=path, next_step=step)
