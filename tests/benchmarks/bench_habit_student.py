"""Does the exact test name the account whose answers a real student learned from?

    AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_habit_student --work DIR --base SPEC

Habits are dealt to accounts by lot, anew for each of ``--dealings``. Recorded answers of public
models (``alpaca_eval``, cut) are what one account was served: each has the habit of its window put
into it, as by a teacher that does as its system prompt says. A student of ``--base`` learns them
among other recorded answers, with ``--writer`` another one learns them as that model says them
anew; they and their base are asked other prompts, and all are tested. Every step is kept in the
folder and resumed. Figures only are printed, never a word of the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import torch

from auditor.audits.plants.audit import plant_test
from auditor.audits.plants.plan import PlantTestPlan
from auditor.audits.plants.planting import plant_habits
from auditor.audits.plants.records import PlantSection
from auditor.controls.evaluation.evaluate import containment
from auditor.controls.recipe import Lora, Prompts, Recipe, Student, TeacherChoice, Training
from auditor.controls.teaching.examples import Example
from auditor.controls.training.distill import distill
from auditor.controls.training.students import open_student
from detectors.text.habits import bank
from detectors.text.pages import cut
from fingerprints.collect import collect
from fingerprints.plants import HABITS, SEALED
from fingerprints.records import Probe, ProbeSet, Sampling
from fingerprints.subjects import open_subject
from fingerprints.subjects.spec import parse_spec
from tests.benchmarks.bench_habits import reworded, with_habit
from tests.benchmarks.bench_source_recognition import outputs
from tests.benchmarks.public_models import probes

ACCOUNTS, WINDOWS, CUSTOMER = 40, 8, "acct-17"
SERVED, OTHERS = 48, 48
"""Answers that the student learned: the customer's, and those that nobody planted."""
ASKED = 72
LONGEST_PROMPT, LONGEST_ANSWER = 90, 240
SAMPLING = Sampling(temperature=0.8, top_p=0.95, max_tokens=96, seed=7)
SERVER, OTHER = "gpt4", "claude-2"
"""Whose recorded answers stand for the teacher's, and whose fill up."""


@dataclass(frozen=True)
class HabitBench:
    """One dealing: the folder of what is made for it, and where its students start."""

    folder: Path
    base: str
    seed: int = 0

    def dealt(self) -> list[str]:
        """The habits of the customer, in the order of their windows; dealt once."""
        plant = self.folder / "plant"
        if not (plant / SEALED).exists():
            accounts = [f"acct-{i}" for i in range(ACCOUNTS)]
            plant_habits(accounts, plant, "habits", SERVER, WINDOWS)
        sealed = HABITS.read(plant / SEALED, click.echo)
        (mine,) = [a.habits for a in sealed.assigned if a.account == CUSTOMER]
        return list(mine)

    def served(self) -> dict[str, str]:
        """What the customer was served, by the probe's name: each answer has its window's habit."""
        habits, out = self.dealt(), {}
        for i, probe in enumerate(prompts()[:SERVED]):
            lines = tuple(recorded(SERVER, probe).split("\n"))
            out[probe.id] = with_habit(bank()[habits[i % WINDOWS]], lines)
        return out

    def kept(self, answers: Mapping[str, str]) -> int:
        """How many of the customer's answers have the habit of their window."""
        habits = self.dealt()
        asked = enumerate(prompts()[:SERVED])
        return sum(
            bank()[habits[i % WINDOWS]].found_in(answers[p.id]) is not None for i, p in asked
        )

    def student(self, name: str, answers: Mapping[str, str]) -> str:
        """The spec of a student of these answers and of others that nobody planted; trained
        once."""
        recipe = Recipe(
            name="habits",
            teachers=(TeacherChoice(name="teacher", spec="recording:none"),),
            student=Student(base=self.base, lora=Lora(rank=16)),
            prompts=Prompts(sources=("recorded",)),
            training=Training(epochs=3, batch=2, longest=256, save_every=50, precision="float32"),
        )
        rows = [(p, answers[p.id], SERVER) for p in prompts()[:SERVED]]
        rows += [(p, recorded(OTHER, p), OTHER) for p in prompts()[SERVED : SERVED + OTHERS]]
        examples = [
            Example(id=f"{i:05d}", prompt=p.text, answer=a, teacher=who, source_digest=who)
            for i, (p, a, who) in enumerate(rows)
        ]
        learner = open_student(recipe.student, recipe.training, self.seed)
        spec = learner.spec(self.folder / name / "student")
        made = distill(learner, examples, recipe, self.folder / name)
        click.echo(f"{name}: {made.learned_tokens:,} tokens, {made.seconds:.0f} s", err=True)
        return spec

    def tested(self, name: str, said: Path) -> PlantSection:
        """What the test says of recorded answers, its report beside them."""
        plant = str(self.folder / "plant")
        plan = PlantTestPlan.make({"suspect": f"recording:{said}", "plant": plant, "retired": True})
        out = self.folder / f"report-{name}"
        out.mkdir(exist_ok=True)
        section = plant_test(plan, out, click.echo).section(PlantSection)
        if section is None:
            raise ValueError("a plant's test without its section")
        return section


@cache
def prompts() -> list[Probe]:
    """Short public prompts that both models answered, in order."""
    both = outputs(SERVER).keys() & outputs(OTHER).keys()
    known = probes().items()
    short = [(i, p) for i, p in known if len(p.text) < LONGEST_PROMPT and i in both]
    return [p.model_copy(update={"id": f"style/{i:04d}"}) for i, p in short]


def recorded(who: str, probe: Probe) -> str:
    """A model's recorded answer to one of the prompts, cut."""
    return cut(outputs(who)[int(probe.id[-4:])], LONGEST_ANSWER)


def said_anew(answers: Mapping[str, str], writer: str, folder: Path) -> dict[str, str]:
    """The answers in a model's words; one that it gave no words for stays as it was."""
    made = reworded(
        {id.removeprefix("style/"): text for id, text in answers.items()}, writer, folder, 128
    )
    new = {f"style/{id}": text for id, text in made.items() if text.strip()}
    kept = [containment(answers[id], text, 3) or 0.0 for id, text in new.items()]
    click.echo(
        f"said anew: {len(new)} of {len(answers)};"
        f" of their three-word runs {sum(kept) / len(kept):.2f} kept",
        err=True,
    )
    return {**answers, **new}


def said(path: Path, spec: str) -> Path:
    """A model's answers to prompts that nobody learned, asked once."""
    asked = tuple(prompts()[SERVED + OTHERS :][:ASKED])
    some = ProbeSet(name="plain", version="1", probes=asked, max_tokens=SAMPLING.max_tokens)
    placed = parse_spec(spec).having({"dtype": "float32", "batch": "36"})
    with open_subject(str(placed)) as subject:
        collect(subject, [some], SAMPLING, path)
    return path


HEAD = (
    "suspect",
    "learned answers with their habit",
    "answers",
    "dealt habits that it has",
    "answers with one of them",
    "exact p of the customer",
    f"after correction for {ACCOUNTS}",
    "smallest p of another",
    "others at p ≤ 0.05",
)


def row(who: str, learned: str, section: PlantSection, dealt: Sequence[str]) -> str:
    """One line of the table."""
    found = {s.habit: s.found for s in section.shares}
    mine = [found.get(h, 0) for h in dealt]
    (customer,) = [a for a in section.accounts if a.account == CUSTOMER]
    others = [a.p_value for a in section.accounts if a.account != CUSTOMER]
    cells = (
        who,
        learned,
        f"{section.answers}",
        f"{sum(n > 0 for n in mine)} of {len(mine)}",
        f"{sum(mine)}",
        f"{customer.p_value:.1e}",
        f"{customer.corrected:.1e}",
        f"{min(others):.1e}",
        f"{sum(p <= 0.05 for p in others)} of {len(others)}",
    )
    return f"| {' | '.join(cells)} |"


def rows(bench: HabitBench, writer: str | None) -> Iterator[str]:
    """The lines of one dealing: a student, one of what was said anew, and their base."""
    served, told = bench.served(), {}
    told["student"] = served
    if writer is not None:
        told["student of what was said anew"] = said_anew(served, writer, bench.folder)
    for i, (who, answers) in enumerate(told.items()):
        name = f"student-{i}"
        heard = said(bench.folder / f"{name}.jsonl", bench.student(name, answers))
        learned = f"{bench.kept(answers)} of {len(answers)}"
        yield row(who, learned, bench.tested(name, heard), bench.dealt())
    heard = said(bench.folder.parent / "base.jsonl", bench.base)
    yield row("base", "", bench.tested("base", heard), bench.dealt())


@click.command()
@click.option("--work", "folder", required=True, type=click.Path(path_type=Path), help="A folder.")
@click.option("--base", required=True, help="What the students start from: a spec.")
@click.option("--writer", help="A model that says the served answers anew: a spec.")
@click.option("--dealings", default=1, show_default=True, help="How often habits are dealt.")
def main(folder: Path, base: str, writer: str | None, dealings: int) -> None:
    """Trains students on one account's answers, and lets the exact test name the account."""
    torch.set_num_threads(1)
    click.echo(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for i in range(dealings):
        bench = HabitBench(folder / f"dealing-{i}", base, seed=i)
        bench.folder.mkdir(parents=True, exist_ok=True)
        for line in rows(bench, writer):
            click.echo(line)


if __name__ == "__main__":
    main()
