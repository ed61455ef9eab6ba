"""What a check of a sealed report finds: problems by file and record, what could not be checked,
and how each is told."""

from __future__ import annotations

from typing import Literal

from fingerprints.errors import printable
from fingerprints.records import Record

ProblemCode = Literal[
    "unsealed",
    "seal_unreadable",
    "signature_wrong",
    "foreign_key",
    "chain_broken",
    "timestamp_wrong",
    "sigstore_wrong",
    "other_report",
    "file_removed",
    "file_added",
    "file_renamed",
    "file_changed",
    "file_unsafe",
    "record_changed",
    "record_removed",
    "record_added",
    "records_reordered",
    "bytes_changed",
    "report_unreadable",
    "page_differs",
    "transcript_differs",
    "store_differs",
    "calibration_differs",
    "registration_differs",
    "rescore_differs",
]
TOLD: dict[ProblemCode, str] = {
    "unsealed": "nothing was sealed here, so nothing shows that it is as it was",
    "seal_unreadable": "the seal can't be read",
    "signature_wrong": "a signature does not fit what is said to be signed",
    "foreign_key": "signed by another key than those that were given as trusted",
    "chain_broken": "an entry does not follow the one before it",
    "timestamp_wrong": "the time stamp is not one of this signature, or not by that authority",
    "sigstore_wrong": "its Sigstore bundle is not one of this statement, or by somebody else",
    "other_report": "this is another report than the one that was sealed",
    "file_removed": "it was sealed and is gone",
    "file_added": "it was not there when the seal was made",
    "file_renamed": "it was sealed under another name",
    "file_changed": "its bytes are not those that were sealed",
    "file_unsafe": "it is a link, a pipe or a device, which no report holds, and was not followed",
    "record_changed": "this record is not the one that was sealed",
    "record_removed": "this record was sealed and is gone",
    "record_added": "this record was not there when the seal was made",
    "records_reordered": "its records stand in another order than they were sealed in",
    "bytes_changed": "its bytes are not those that were sealed, though every record is",
    "report_unreadable": "it can't be read as a report",
    "page_differs": "it is not the page that this code makes of report.json",
    "transcript_differs": "its answers are not those that the report was made from",
    "store_differs": "the store at hand is not the one that the report was made with",
    "calibration_differs": "the calibration at hand is not the one that the report names",
    "registration_differs": "it is not the registration that the report names and tells of",
    "rescore_differs": "judged again from the records, this comes out otherwise",
}
"""Each problem as a sentence begins; what belongs to the case follows in `Problem.detail`."""


class Problem(Record):
    """One thing that is not as it was sealed. ``file`` and ``record`` say where; ``detail`` what
    was found (empty where the code says all)."""

    code: ProblemCode
    file: str = ""
    record: str = ""
    detail: str = ""

    def line(self) -> str:
        """The problem on one line, safe for a terminal."""
        where = ": ".join(part for part in (self.file, self.record) if part)
        what = TOLD[self.code] + (f" ({self.detail})" if self.detail else "")
        return printable(f"{where}: {what}" if where else what, 400)


UncheckedCode = Literal[
    "signer",
    "time",
    "time_authority",
    "page",
    "transcript",
    "store",
    "calibration",
    "rescore",
    "sigstore",
    "code",
    "deviation",
]
NOT_CHECKED: dict[UncheckedCode, str] = {
    "signer": "who signed: no trusted key was given (--key), and anybody can make a key",
    "time": "when: there is no time stamp, so the date is the sealing machine's word",
    "time_authority": "the time stamp's authority: its root certificate was not given (--tsa-ca)",
    "page": "whether report.html shows what report.json says: other code may have made it",
    "transcript": "the answers: the report rests on a transcript, which is not beside it",
    "store": "the store: it is not at hand",
    "calibration": "the calibration: it is not at hand",
    "rescore": "the judgement: it can't be repeated here",
    "code": "the code: the report was sealed with another, which may judge and show otherwise",
    "deviation": "what the audit ran with beside its plan: the report does not hold it",
    "sigstore": "the Sigstore bundle: --identity and --issuer were not given",
}


class Unchecked(Record):
    """Something that this check could not tell, and why; neither right nor wrong."""

    code: UncheckedCode
    detail: str = ""

    def line(self) -> str:
        """On one line, safe for a terminal."""
        return printable(NOT_CHECKED[self.code] + (f" ({self.detail})" if self.detail else ""), 400)


GPG_DIGITS = 40
"""Hexadecimal digits of a GnuPG fingerprint; ids of other keys have 64, and are their digests."""


class SealSigner(Record):
    """One signature that holds: by which key, whether that key was given as trusted, over which
    entry of the chain (0: the seal; None: the registration of the plan), and what a time stamp says
    of when."""

    keyid: str
    trusted: bool
    entry: int | None
    time: str | None = None
    time_trusted: bool = False

    def line(self) -> str:
        """On one line, safe for a terminal; what nobody vouches for is told as said only."""
        trust = "trusted" if self.trusted else "not vouched for"
        # Of GnuPG's keys the seal keeps no more than what they are said to be called.
        if not self.trusted and len(self.keyid) == GPG_DIGITS:
            trust += ", and any key can be given this name"
        stamped = "stamped" if self.time_trusted else "said to be stamped"
        when = f", {stamped} {self.time}" if self.time else ""
        place = "the registration" if self.entry is None else f"entry {self.entry}"
        return printable(f"signed by: {self.keyid} ({trust}{when}), {place}", 400)


class Verification(Record):
    """What a check came to. ``intact`` says that nothing is wrong, not that all could be checked.

    ``head`` is the digest of the newest statement: who noted it down can tell whether the end of
    the chain was cut off. ``judged_again``: the records were judged again, and every figure and
    word that is compared came out the same.
    """

    intact: bool
    sealed: str | None = None
    report: str | None = None
    head: str | None = None
    added: int = 0
    judged_again: bool = False
    signers: tuple[SealSigner, ...] = ()
    problems: tuple[Problem, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
