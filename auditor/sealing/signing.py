"""Signing: with which key, or as whom, a statement is signed, and who stamps the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.sealing.envelopes import payload_of, signature_of, signed, signed_too, unsigned
from auditor.sealing.records import ChainEntry, Statement
from auditor.sealing.sigstore_bundle import sigstore_signed
from auditor.sealing.stamps import ask_stamp

if TYPE_CHECKING:
    from securesystemslib.signer import Signer


@dataclass(frozen=True)
class Signing:
    """Either a key's ``signer`` or a Sigstore ``token``; ``stamp`` is the address of a server of
    RFC 3161 time stamps, which stamps the signature of a key."""

    signer: Signer | None = None
    token: str | None = None
    stamp: str | None = None

    def entry(self, statement: Statement) -> ChainEntry:
        """The statement, signed. Raises MalformedInput where the key can't sign, Incomplete where a
        server can't be reached: nothing was written then."""
        if self.signer is None:
            return self._by_sigstore(unsigned(statement))
        return self._stamped(signed(statement, self.signer))

    def besides(self, entry: ChainEntry) -> ChainEntry:
        """The entry with one signature more; raises the same."""
        if self.signer is None:
            return self._by_sigstore(entry)
        return self._stamped(signed_too(entry, self.signer))

    def signs(self, entry: ChainEntry) -> bool:
        """Whether an entry is signed so already."""
        if self.signer is None:
            return entry.sigstore is not None
        return self.signer.public_key.keyid in {s.keyid for s in entry.envelope.signatures}

    def _by_sigstore(self, entry: ChainEntry) -> ChainEntry:
        bundle = sigstore_signed(payload_of(entry), self.token or "")
        return entry.model_copy(update={"sigstore": bundle})

    def _stamped(self, entry: ChainEntry) -> ChainEntry:
        if self.stamp is None or self.signer is None:
            return entry
        keyid = self.signer.public_key.keyid
        answer = ask_stamp(self.stamp, signature_of(entry, keyid))
        return entry.model_copy(update={"timestamps": {**entry.timestamps, keyid: answer}})
