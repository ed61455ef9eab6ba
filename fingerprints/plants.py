"""What a provider plants and keeps sealed: a watermark's key, who was served which habits; and the
notice that may be shown to anybody.

The sealed file is a `Record` with a random salt; its digest, the commitment, goes into the notice
and binds whoever planted to what was drawn, before any suspect is looked at. Knows records and
files; knows no model, and puts no key into a sentence.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field

from fingerprints.durable import disk_problem
from fingerprints.errors import MalformedInput, VerificationFailed
from fingerprints.record_files import RecordFile
from fingerprints.records import Record, canonical_json

SEALED, SERVING = "sealed.json", "serving.json"
"""What only the owner may see of a plant: what was drawn, and the same as a server reads it."""
NOTICE, TOKENIZER = "plant.json", "tokenizer.json"
Salt = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Account = Annotated[str, Field(min_length=1, max_length=200)]


class GreenScheme(Record):
    """How a watermark marks, but for its key: ``share`` (γ) of a ``vocabulary`` is green after each
    token and has ``bias`` (δ, in nats) added to its score.

    ``scheme`` is transformers' ``lefthash``, whose list depends on the one token before whatever
    ``context_width`` says, drawn by torch's generator on the CPU. The digests are of which piece
    has which id, and of the file that holds the tokenizer.
    """

    scheme: Literal["lefthash"] = "lefthash"
    drawn_by: Literal["torch-cpu"] = "torch-cpu"
    vocabulary: Annotated[int, Field(ge=8)]
    share: Annotated[float, Field(gt=0, lt=1)] = 0.25
    bias: Annotated[float, Field(gt=0, le=20)] = 3.0
    vocabulary_sha256: str
    tokenizer_sha256: str

    @property
    def n_green(self) -> int:
        """How many tokens are green after each token: rounded down, as the library does."""
        return int(self.vocabulary * self.share)

    @property
    def chance(self) -> float:
        """The chance that a token is green after another under a key that nobody knows."""
        return self.n_green / self.vocabulary


class SealedWatermark(Record):
    """A watermark with its key. ``key`` is odd and has 32 bits: torch's generator keeps no more of
    a seed, and an even key would give some tokens the same list."""

    format: Literal["sealed-watermark/1"] = "sealed-watermark/1"
    scheme: GreenScheme
    key: Annotated[int, Field(ge=2**31, lt=2**32, repr=False)]
    salt: Annotated[Salt, Field(repr=False)]
    created: str


class Assigned(Record):
    """One account's habits, one for each window of time in order: bank ids, no two the same."""

    account: Account
    habits: Annotated[tuple[str, ...], Field(min_length=1)]


class HabitDesign(Record):
    """How habits were dealt out: every account got ``windows`` different ones of ``habits`` by
    lot, in an order by lot, each for ``days`` days from ``start`` (a date in UTC) on."""

    bank_sha256: str
    habits: Annotated[tuple[str, ...], Field(min_length=2)]
    windows: Annotated[int, Field(ge=1)]
    start: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    days: Annotated[int, Field(ge=1, le=3650)]
    n_accounts: Annotated[int, Field(ge=1)]


class SealedHabits(Record):
    """Who was dealt which habits."""

    format: Literal["sealed-habits/1"] = "sealed-habits/1"
    design: HabitDesign
    assigned: Annotated[tuple[Assigned, ...], Field(min_length=1, repr=False)]
    salt: Annotated[Salt, Field(repr=False)]
    created: str


class PlantNotice(Record):
    """What may be published of a plant: its kind, how it was drawn, and the commitment that binds
    to what was drawn. ``teacher`` is the model that carries it, as its owner calls it."""

    format: Literal["plant/1"] = "plant/1"
    kind: Literal["watermark", "habit"]
    name: Annotated[str, Field(min_length=1, max_length=120)]
    teacher: str
    commitment: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created: str
    watermark: GreenScheme | None = None
    habits: HabitDesign | None = None


Sealed = TypeVar("Sealed", bound=Record)

NOTICES = RecordFile(
    PlantNotice,
    "not a plant's notice",
    f"give the {NOTICE} that `auditor plant` wrote",
)


class SealedFile(Generic[Sealed]):
    """One kind of sealed file: written for its owner alone, and read with nothing of it in any
    error."""

    def __init__(self, kind: type[Sealed]) -> None:
        self.kind = kind

    def write(self, path: Path, record: Sealed) -> None:
        """Writes a new file that its owner alone may read (mode 0600). Raises MalformedInput where
        there is one already: a key that is lost can't be tested for."""
        write_private(path, canonical_json(record.model_dump(mode="json")) + b"\n")

    def read(self, path: Path, warn: Callable[[str], None]) -> Sealed:
        """The record; ``warn`` is told where others than its owner may read or change it. Raises
        MalformedInput, in words that quote nothing, for what is no such file."""
        step = f"give the {SEALED} that `auditor plant` wrote, untouched"
        file = RecordFile(self.kind, "not the sealed file of such a plant", step)
        try:
            record = file.read(path)
        except MalformedInput as error:
            if isinstance(error.__cause__, OSError):
                raise
            # What pydantic says of a wrong value quotes the value.
            raise MalformedInput(file.nothing, where=path, next_step=step) from None
        if open_to_others(path):
            warn(
                f"{path}: others than its owner can read it; `chmod 600` it, and think of the"
                " plant as spent if anybody may have"
            )
        return record


WATERMARKS, HABITS = SealedFile(SealedWatermark), SealedFile(SealedHabits)


def write_private(path: Path, data: bytes) -> None:
    """Writes a new file that its owner alone may read (mode 0600). Raises MalformedInput where
    there is one already."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        said, step = "a secret file is there already", "plant into another folder"
        raise MalformedInput(said, where=path, next_step=step) from error
    except OSError as error:
        raise disk_problem(error, path) from error


def open_to_others(path: Path) -> bool:
    """Whether anybody but its owner may read or write a file; False where a system has no such
    modes."""
    return os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def backend_mark(commitment: str) -> str:
    """What stands in the backend of an identity whose answers were sampled under a plant's key."""
    return f" + watermark {commitment[:16]}"


def new_salt() -> str:
    """32 random bytes in hexadecimal: without them a commitment to few possibilities could be
    guessed."""
    return secrets.token_hex(32)


def new_key() -> int:
    """A random odd key of 32 bits."""
    return 2**31 + secrets.randbits(31) | 1


def check_commitment(notice: PlantNotice, sealed: SealedWatermark | SealedHabits) -> None:
    """Raises VerificationFailed where a sealed file is not what the notice committed to."""
    told = sealed.scheme if isinstance(sealed, SealedWatermark) else sealed.design
    said = notice.watermark if isinstance(sealed, SealedWatermark) else notice.habits
    if sealed.digest() != notice.commitment or told != said:
        raise VerificationFailed(
            "the sealed file is not the one that the notice committed to",
            where=notice.name,
            next_step="give the sealed file that was written with this notice; a test of another"
            " one would prove nothing",
        )
