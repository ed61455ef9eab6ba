"""What a watermark in a teacher's answers leaves in its students: p-values by dose, by what is open
of the suspect, and under keys that nobody used.

    AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_plants train --work DIR --teacher SPEC
    python -m tests.benchmarks.bench_plants table --work DIR --teacher SPEC

``train`` lets the teacher answer public prompts with a watermark and without one, then trains
students of its base on a few of those answers among recorded answers of other models
(``alpaca_eval``, cut short); ``table`` scores them and prints Markdown. Every step is kept in the
folder and resumed. Figures only are printed, never a word of the data.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import torch
from scipy.stats import kstest

from auditor.audits.plants.reading import answers, marked_texts, passages
from auditor.controls.recipe import Lora, Prompts, Recipe, Student, TeacherChoice, Training
from auditor.controls.teaching.examples import Example
from auditor.controls.training.distill import distill
from auditor.controls.training.students import open_student
from detectors.inheritance.radioactivity import (
    GreenCount,
    TokenPairs,
    count_green,
    forced_pairs,
    tokens_needed,
    unused_keys,
    written_pairs,
)
from detectors.text.pages import cut
from fingerprints.choices import Choices
from fingerprints.collect import collect, timestamp
from fingerprints.plants import (
    SEALED,
    TOKENIZER,
    WATERMARKS,
    GreenScheme,
    SealedWatermark,
    new_key,
    new_salt,
)
from fingerprints.records import Probe, ProbeSet, Sampling, canonical_json, sha256
from fingerprints.subjects import open_subject
from fingerprints.subjects.checkpoint import Checkpoint
from fingerprints.subjects.spec import parse_spec
from fingerprints.subjects.vocabulary import LoneTokenizer, saved, vocabulary_sha256
from fingerprints.transcript import Transcript, load_transcript
from tests.benchmarks.bench_source_recognition import outputs
from tests.benchmarks.public_models import probes

SAMPLING = Sampling(temperature=0.8, top_p=0.95, max_tokens=96, seed=11)
MARKED, PLAIN, ASKED = 120, 24, 24
"""Prompts answered with the watermark, without it, and by each student."""
LONGEST_PROMPT, LONGEST_FILLER, FILLER_PROMPT = 300, 900, 90
FILLERS = ("gpt4", "claude-2", "Meta-Llama-3-8B-Instruct", "text_davinci_003", "gemini-pro")
NULLS = 300
TARGET = 1e-5


@dataclass(frozen=True)
class Dose:
    """A student: it learned the teacher's first ``TAUGHT`` answers with the watermark, which are at
    most ``percent`` of its text by tokens, so many times over. ``plain``: the teacher's unmarked
    answers to other prompts stand in their place."""

    name: str
    percent: int
    epochs: int = 4
    plain: bool = False


TAUGHT = 24
DOSES = (
    Dose("5 %", 5),
    Dose("100 %", 100),
    Dose("0 % (the same teacher unmarked)", 100, plain=True),
    Dose("25 %", 25),
)


class Bench:
    """The folder of one run: what was planted, said and trained in it."""

    def __init__(self, folder: Path, teacher: str) -> None:
        self.folder, self.teacher = folder, teacher
        self.prompts = [
            p.model_copy(update={"id": f"style/{i:04d}"})
            for i, p in probes().items()
            if len(p.text) < LONGEST_PROMPT
        ]

    def plant(self) -> SealedWatermark:
        """The sealed key, drawn once."""
        path = self.folder / SEALED
        if not path.exists():
            with open_subject(self.teacher) as subject:
                assert isinstance(subject, Checkpoint)
                speaker = subject.speaker
                text = saved(speaker.tokenizer)
                (self.folder / TOKENIZER).write_text(text, "utf-8")
                scheme = GreenScheme(
                    vocabulary=speaker.model.config.get_text_config().vocab_size,
                    vocabulary_sha256=vocabulary_sha256(speaker.tokenizer.get_vocab()),
                    tokenizer_sha256=sha256(text),
                )
            sealed = SealedWatermark(
                scheme=scheme, key=new_key(), salt=new_salt(), created=timestamp()
            )
            WATERMARKS.write(path, sealed)
        return WATERMARKS.read(path, click.echo)

    def vocabulary(self) -> LoneTokenizer:
        """The teacher's tokenizer."""
        return LoneTokenizer.open(self.folder / TOKENIZER, self.plant().scheme.tokenizer_sha256)

    def said(self, name: str, spec: str, asked: Sequence[Probe]) -> Transcript:
        """Somebody's answers to some prompts, asked once."""
        spec = str(parse_spec(spec).having({"dtype": "bfloat16", "batch": "40"}))
        path = self.folder / f"{name}.jsonl"
        if path.exists() and (held := load_transcript(path)).complete:
            return held
        some = ProbeSet(name="plain", version="1", probes=tuple(asked), max_tokens=96)
        with open_subject(spec) as subject:
            return collect(subject, [some], SAMPLING, path)

    def marked(self) -> Transcript:
        """The teacher's answers with the watermark."""
        self.plant()
        spec = parse_spec(self.teacher).having({"watermark": str(self.folder / SEALED)})
        return self.said("marked", str(spec), self.prompts[:MARKED])

    def plain(self) -> Transcript:
        """The teacher's answers without it, to other prompts."""
        return self.said("plain", self.teacher, self.prompts[MARKED : MARKED + PLAIN])

    def used(self, dose: Dose) -> Transcript:
        """The teacher's answers that a student of a dose learned from."""
        return first(self.plain() if dose.plain else self.marked())

    def examples(self, dose: Dose) -> list[Example]:
        """What a student of a dose learns from: the teacher's answers, and others to prompts that
        the teacher wasn't asked, until the teacher's are no more than the dose's share."""
        taught = self.used(dose)
        rows = [(taught.probes[r.probe_id].text, r.text, "teacher") for r in taught.replies]
        size = sum(self.tokens([a for _, a, _ in rows]))
        if dose.percent < 100:
            fill = self.fillers({q for q, _, _ in rows})
            reach = np.cumsum(self.tokens([a for _, a, _ in fill]))
            more = int(np.searchsorted(reach, size * (100 / dose.percent - 1))) + 1
            rows += fill[:more]
        whole = sum(self.tokens([a for _, a, _ in rows]))
        told = f"{dose.name}: {size:,} of {whole:,} tokens, {size / whole:.4f}"
        click.echo(f"{told}, in {TAUGHT} of {len(rows)} answers", err=True)
        return [
            Example(id=f"{i:05d}", prompt=q, answer=a, teacher=who, source_digest=who)
            for i, (q, a, who) in enumerate(rows)
            if a.strip()
        ]

    def fillers(self, taken: set[str]) -> list[tuple[str, str, str]]:
        """Recorded answers of other models to short prompts but those, shuffled."""
        numbers = {int(p.id[-4:]): p for p in self.prompts if p.text not in taken}
        fill = [
            (numbers[i].text, short(text), model)
            for model in FILLERS
            for i, text in outputs(model).items()
            if i in numbers and len(numbers[i].text) < FILLER_PROMPT
        ]
        return [fill[int(i)] for i in np.random.default_rng(3).permutation(len(fill))]

    def tokens(self, texts: Sequence[str]) -> list[int]:
        """How many of the teacher's tokens each text has."""
        return [len(read.ids) for read in self.vocabulary().read(texts)]

    def student(self, dose: Dose) -> str:
        """The spec of a dose's student, trained once."""
        recipe = Recipe(
            name="radioactive",
            teachers=(TeacherChoice(name="teacher", spec="recording:none"),),
            student=Student(base=self.teacher, lora=Lora(rank=16)),
            prompts=Prompts(sources=("recorded",)),
            training=Training(
                epochs=dose.epochs, batch=2, longest=384, save_every=50, precision="float32"
            ),
        )
        out = self.folder / f"student-{dose.percent}{'-plain' if dose.plain else ''}"
        learner = open_student(recipe.student, recipe.training, 0)
        spec = learner.spec(out / "student")
        begun = time.process_time()
        made = distill(learner, self.examples(dose), recipe, out)
        tokens = made.learned_tokens
        click.echo(f"{dose.name}: {tokens:,} tokens, {time.process_time() - begun:.0f} s", err=True)
        return spec


def first(whole: Transcript) -> Transcript:
    """The first answers of a transcript, as many as a student learns."""
    order = sorted(whole.replies, key=lambda r: r.probe_id)[:TAUGHT]
    return replace(whole, replies=tuple(order))


def short(text: str) -> str:
    """A recorded answer, cut."""
    return cut(text, LONGEST_FILLER)


def chosen(bench: Bench, name: str, spec: str, texts: Transcript, base: str | None) -> TokenPairs:
    """A suspect's choices behind the beginnings of marked texts, made once."""
    path, asked = bench.folder / f"choices-{name}.json", passages(texts)
    if not path.exists():
        half = {"dtype": "bfloat16"}
        with open_subject(parse_spec(spec).having(half)) as subject:
            against = None if base is None else open_subject(parse_spec(base).having(half))
            found = list(subject.choices(asked, against))
        rows = [c if isinstance(c, str) else c.model_dump(mode="json") for c in found]
        path.write_bytes(canonical_json(rows))
    read = [
        c if isinstance(c, str) else Choices.model_validate(c) for c in json.loads(path.read_text())
    ]
    return forced_pairs(marked_texts(asked, read, bench.vocabulary()))


def row(bench: Bench, who: str, way: str, pairs: TokenPairs, nulls: int) -> tuple[str, ...]:
    """One line: how many tokens, how many green, p, log10 e, and what unused keys say."""
    sealed = bench.plant()
    found = count_green(pairs, sealed.scheme, sealed.key)
    unused: list[GreenCount] = [
        count_green(pairs, sealed.scheme, key) for key in unused_keys(nulls, 5, sealed.key)
    ]
    lead = found.share - found.chance
    needed = f"{tokens_needed(lead, found.chance, TARGET):,}" if lead > 0.002 else "–"
    return (
        who,
        way,
        f"{found.n:,}",
        f"{found.share:.3f}",
        f"{found.p_value:.1e}",
        f"{found.log10_e:+.1f}",
        needed,
        chance_of(unused) if unused else "–",
    )


def chance_of(unused: Sequence[GreenCount]) -> str:
    """What keys that nobody used say of the same tokens."""
    ps = np.array([u.p_value for u in unused])
    return f"{(ps <= 0.05).mean():.3f}, {ps.min():.1e}, KS {kstest(ps, 'uniform').pvalue:.2f}"


HEAD = (
    "student",
    "what is scored",
    "tokens",
    "green",
    "p",
    "log10 e",
    "tokens for 1e-5 at 90 %",
    "unused keys: p ≤ .05, smallest, uniform?",
)


@click.command()
@click.argument("step", type=click.Choice(["train", "table"]))
@click.option("--work", "folder", required=True, type=click.Path(path_type=Path), help="A folder.")
@click.option("--teacher", required=True, help="The teacher and base of all students: a spec.")
@click.option("--nulls", default=NULLS, show_default=True, help="Keys that nobody used.")
@click.option("--only", type=int, multiple=True, help="Only the students of these numbers.")
@click.option("--texts/--no-texts", default=True, help="Also score what the students write.")
def main(
    step: str, folder: Path, teacher: str, nulls: int, only: tuple[int, ...], texts: bool
) -> None:
    """Watermarked training text: how much of it leaves how strong a trace. STEP: train the
    students, or print the table."""
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(folder, teacher)
    if step == "table":
        print_table(bench, nulls, only, texts)
        return
    for number, dose in enumerate(DOSES):
        if not only or number in only:
            bench.student(dose)


def print_table(bench: Bench, nulls: int, only: tuple[int, ...], texts: bool) -> None:
    """Scores the students and the untrained base, row by row, behind the same marked answers."""
    click.echo(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    marked = bench.marked()
    own = written_pairs(*answers(marked, bench.vocabulary()))
    tell(row(bench, "(the marked answers themselves)", "text", own, 0))
    for number, dose in enumerate(DOSES):
        if only and number not in only:
            continue
        spec = bench.student(dose)
        for way, base in (("likeliest", None), ("rose most", bench.teacher)):
            name = f"{number}-{way.split()[0]}"
            pairs = chosen(bench, name, spec, first(marked), base)
            tell(row(bench, dose.name, f"forced, {way}", pairs, nulls))
        if texts:
            asked = bench.prompts[MARKED + PLAIN :][:ASKED]
            said = bench.said(f"said-{number}", spec, asked)
            pairs = written_pairs(*answers(said, bench.vocabulary()))
            tell(row(bench, dose.name, "its own answers", pairs, nulls))
    pairs = chosen(bench, "base-likeliest", bench.teacher, first(marked), None)
    tell(row(bench, "(untrained)", "forced, likeliest", pairs, nulls))


def tell(cells: Sequence[str]) -> None:
    """One row, as soon as it is known."""
    click.echo(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
