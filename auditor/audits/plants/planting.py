"""Draws what is planted, seals it, and writes what a server needs: a folder a plant.

The key and the dealt habits go into files that their owner alone can read; the notice beside them
holds the commitment and may be published. Knows files and one model; tests nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from secrets import SystemRandom

from auditor.evidence.weight import supporting_p
from detectors.inheritance.canary_habits import smallest
from detectors.text.habits import bank
from fingerprints.collect import timestamp
from fingerprints.durable import disk_problem, replacing, strangers
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.plants import (
    HABITS,
    NOTICE,
    SEALED,
    SERVING,
    TOKENIZER,
    WATERMARKS,
    Assigned,
    GreenScheme,
    HabitDesign,
    PlantNotice,
    SealedHabits,
    SealedWatermark,
    new_key,
    new_salt,
    write_private,
)
from fingerprints.probes import text_of
from fingerprints.record_files import write_record
from fingerprints.records import canonical_json, sha256
from fingerprints.subjects import open_subject
from fingerprints.subjects.checkpoint import Checkpoint
from fingerprints.subjects.vocabulary import saved, vocabulary_sha256

MOST_ACCOUNTS = 100_000
LONGEST_ACCOUNT = 200
LARGEST_LIST = 64_000_000


@dataclass(frozen=True)
class Planted:
    """A plant that was written: its folder and its notice."""

    folder: Path
    notice: PlantNotice


def bank_sha256() -> str:
    """Digest of the bank of habits: an assignment of another one can't be tested with it."""
    return sha256(canonical_json([h.model_dump(mode="json") for h in bank().values()]))


def plant_watermark(
    teacher: str, out: Path, name: str, share: float = 0.25, bias: float = 3.0
) -> Planted:
    """Draws a watermark's key for a teacher and writes its folder.

    ``share`` of the vocabulary is green, ``bias`` is added to its scores. Raises MalformedInput for
    a folder that holds other files and a tokenizer that can't be kept, UsageProblem for a teacher
    whose weights are out of sight.
    """
    with open_subject(teacher) as subject:
        if not isinstance(subject, Checkpoint):
            raise UsageProblem(
                "a watermark needs the teacher's tokenizer, and this subject's is out of sight",
                where=printable(teacher, 100),
                next_step="give the folder or the GGUF file that is served",
            )
        speaker = subject.speaker
        text = saved(speaker.tokenizer)
        scheme = GreenScheme(
            vocabulary=int(speaker.model.config.get_text_config().vocab_size),
            share=share,
            bias=bias,
            vocabulary_sha256=vocabulary_sha256(speaker.tokenizer.get_vocab()),
            tokenizer_sha256=sha256(text),
        )
        called = subject.identity.name
    sealed = SealedWatermark(scheme=scheme, key=new_key(), salt=new_salt(), created=timestamp())
    _empty(out)
    with replacing(out / TOKENIZER) as file:
        file.write(text.encode("utf-8"))
    WATERMARKS.write(out / SEALED, sealed)
    return _published(out, name, called, sealed, serving_watermark(sealed))


def serving_watermark(sealed: SealedWatermark) -> dict[str, object]:
    """What transformers' ``WatermarkingConfig`` takes, and where its lists must be drawn."""
    return {
        "watermarking_config": {
            "greenlist_ratio": sealed.scheme.share,
            "bias": sealed.scheme.bias,
            "hashing_key": sealed.key,
            "seeding_scheme": sealed.scheme.scheme,
            "context_width": 1,
        },
        "vocabulary": sealed.scheme.vocabulary,
        "draw_lists_on": "cpu",
    }


def plant_habits(
    accounts: Sequence[str],
    out: Path,
    name: str,
    teacher: str,
    windows: int = 8,
    start: str | None = None,
    days: int = 1,
) -> Planted:
    """Deals every account ``windows`` different habits of the bank by lot, one for each window of
    ``days`` days from ``start`` on, over and over, and writes their folder.

    Raises UsageProblem where no account could ever be supported, MalformedInput for a folder that
    holds other files.
    """
    ids = tuple(bank())
    check_dealing(len(accounts), windows)
    lot, now = SystemRandom(), timestamp()
    design = HabitDesign(
        bank_sha256=bank_sha256(),
        habits=ids,
        windows=windows,
        start=start or now[:10],
        days=days,
        n_accounts=len(accounts),
    )
    sealed = SealedHabits(
        design=design,
        assigned=tuple(
            Assigned(account=a, habits=tuple(lot.sample(ids, windows))) for a in accounts
        ),
        salt=new_salt(),
        created=now,
    )
    _empty(out)
    HABITS.write(out / SEALED, sealed)
    return _published(out, name, teacher, sealed, serving_habits(sealed))


def _published(
    out: Path,
    name: str,
    teacher: str,
    sealed: SealedWatermark | SealedHabits,
    serving: dict[str, object],
) -> Planted:
    """What a server reads, and the notice that commits to the sealed file: the last file of a
    plant, so that a folder without one was never finished."""
    write_private(out / SERVING, canonical_json(serving) + b"\n")
    mark = sealed.scheme if isinstance(sealed, SealedWatermark) else None
    notice = PlantNotice(
        kind="habit" if mark is None else "watermark",
        name=name,
        teacher=teacher,
        commitment=sealed.digest(),
        created=sealed.created,
        watermark=mark,
        habits=sealed.design if isinstance(sealed, SealedHabits) else None,
    )
    write_record(out / NOTICE, notice)
    return Planted(out, notice)


def check_dealing(accounts: int, windows: int) -> None:
    """Raises UsageProblem where the smallest p-value of an account, or the e-value that it makes,
    is too weak for any verdict once it is shared out over all of them, and where there are too few
    habits."""
    habits = len(bank())
    if not 0 < windows <= habits // 2:
        raise UsageProblem(
            f"{windows} windows can't be dealt from {habits} habits",
            where="--windows",
            next_step=f"choose from 1 to {habits // 2}",
        )
    best = smallest(habits, windows)
    if best > supporting_p(accounts):
        raise UsageProblem(
            f"with {windows} windows and {accounts:,} accounts no account could ever be supported:"
            f" the smallest corrected p-value is {min(1.0, best * accounts):.2g}",
            where="--windows",
            next_step="take more windows, or plant for fewer accounts at a time",
        )


def serving_habits(sealed: SealedHabits) -> dict[str, object]:
    """What a gateway reads: by account, what its system prompt says more in each window."""
    held = bank()
    return {
        "start": sealed.design.start,
        "days": sealed.design.days,
        "windows": sealed.design.windows,
        "additions": {a.account: [held[h].addition for h in a.habits] for a in sealed.assigned},
    }


def addition_at(sealed: SealedHabits, account: str, day: date) -> str:
    """What an account's system prompt says more on a day (UTC). Raises UsageProblem for an account
    that nothing was dealt to, and a day before the start."""
    found = next((a for a in sealed.assigned if a.account == account), None)
    if found is None:
        raise UsageProblem(
            "nothing was dealt to this account",
            where=printable(account, 60),
            next_step="give an account of the list that was planted",
        )
    passed = (day - date.fromisoformat(sealed.design.start)).days
    if passed < 0:
        raise UsageProblem(
            "the day lies before the start", where=str(day), next_step=f"from {sealed.design.start}"
        )
    return bank()[found.habits[passed // sealed.design.days % sealed.design.windows]].addition


def read_accounts(path: Path) -> list[str]:
    """Accounts, one a line, in order. Raises MalformedInput for none, a repeated one (whose habits
    would be dealt twice), one that is too long and too many."""
    text = text_of(path, LARGEST_LIST, "plant for fewer accounts", "give a text file")
    names = [line.strip() for line in text.splitlines() if line.strip()]
    twice = next((n for n, times in Counter(names).items() if times > 1), None)
    long = next((n for n in names if len(n) > LONGEST_ACCOUNT), None)
    step = "give one account a line, each once"
    if not names or len(names) > MOST_ACCOUNTS:
        said = f"it names {len(names):,} accounts"
        raise MalformedInput(said, where=path, next_step=f"from 1 to {MOST_ACCOUNTS:,} at a time")
    if twice is not None:
        raise MalformedInput(
            f"the account {printable(twice, 60)!r} stands there twice", where=path, next_step=step
        )
    if long is not None:
        raise MalformedInput(
            f"the account {printable(long, 40)!r} is longer than {LONGEST_ACCOUNT} characters",
            where=path,
            next_step=step,
        )
    return names


def _empty(out: Path) -> None:
    """The folder, made. A plant is never written over: a key that is gone can't be tested for."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        foreign = strangers(out, TOKENIZER)
    except OSError as error:
        raise disk_problem(error, out) from error
    if foreign:
        raise MalformedInput(
            f"the folder holds {printable(foreign[0], 60)!r}",
            where=out,
            next_step="plant into a new folder",
        )
