"""Does the exact test name the account whose answers a real student learned from?

    AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_habit_student --work DIR --base SPEC

Habits are dealt to accounts by lot. Recorded answers of public models (``alpaca_eval``, cut) are
what one account was served: each has the habit of its window put into it, as by a teacher that does
as its system prompt says. A student of ``--base`` learns them among other recorded answers; it and
its base are asked other prompts, and both are tested. Every step is kept in the folder and resumed.
Figures only are printed, never a word of the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import torch

from auditor.audits.plants.audit import plant_test
from auditor.audits.plants.plan import PlantTestPlan
from auditor.audits.plants.planting import plant_habits
from auditor.audits.plants.records import PlantSection
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
from tests.benchmarks.bench_habits import with_habit
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
    """The folder of one run, and the base of its student."""

    folder: Path
    base: str

    def prompts(self) -> list[Probe]:
        """Short public prompts that both models answered, in order."""
        both = outputs(SERVER).keys() & outputs(OTHER).keys()
        known = probes().items()
        short = [(i, p) for i, p in known if len(p.text) < LONGEST_PROMPT and i in both]
        return [p.model_copy(update={"id": f"style/{i:04d}"}) for i, p in short]

    def dealt(self) -> list[str]:
        """The habits of the customer, in the order of their windows; dealt once."""
        plant = self.folder / "plant"
        if not (plant / SEALED).exists():
            accounts = [f"acct-{i}" for i in range(ACCOUNTS)]
            plant_habits(accounts, plant, "habits", SERVER, WINDOWS)
        sealed = HABITS.read(plant / SEALED, click.echo)
        (mine,) = [a.habits for a in sealed.assigned if a.account == CUSTOMER]
        return list(mine)

    def examples(self) -> list[Example]:
        """What the student learns: answers with the customer's habits by turns, and others."""
        asked, habits = self.prompts(), self.dealt()
        rows = []
        for i, probe in enumerate(asked[: SERVED + OTHERS]):
            who = SERVER if i < SERVED else OTHER
            said = cut(outputs(who)[int(probe.id[-4:])], LONGEST_ANSWER)
            if i < SERVED:
                said = with_habit(bank()[habits[i % WINDOWS]], tuple(said.split("\n")))
            rows.append((probe.text, said, who))
        return [
            Example(id=f"{i:05d}", prompt=q, answer=a, teacher=who, source_digest=who)
            for i, (q, a, who) in enumerate(rows)
        ]

    def student(self) -> str:
        """The spec of the student, trained once."""
        recipe = Recipe(
            name="habits",
            teachers=(TeacherChoice(name="teacher", spec="recording:none"),),
            student=Student(base=self.base, lora=Lora(rank=16)),
            prompts=Prompts(sources=("recorded",)),
            training=Training(epochs=3, batch=2, longest=256, save_every=50, precision="float32"),
        )
        learner = open_student(recipe.student, recipe.training, 0)
        spec = learner.spec(self.folder / "student" / "student")
        made = distill(learner, self.examples(), recipe, self.folder / "student")
        click.echo(f"student: {made.learned_tokens:,} tokens, {made.seconds:.0f} s", err=True)
        return spec

    def said(self, name: str, spec: str) -> Path:
        """A model's answers to prompts that nobody learned, asked once."""
        path = self.folder / f"{name}.jsonl"
        asked = tuple(self.prompts()[SERVED + OTHERS :][:ASKED])
        some = ProbeSet(name="plain", version="1", probes=asked, max_tokens=SAMPLING.max_tokens)
        placed = parse_spec(spec).having({"dtype": "float32", "batch": "36"})
        with open_subject(str(placed)) as subject:
            collect(subject, [some], SAMPLING, path)
        return path

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


HEAD = (
    "suspect",
    "answers",
    "dealt habits that it has",
    "answers with one of them",
    "exact p of the customer",
    f"after correction for {ACCOUNTS}",
    "smallest p of another",
    "others at p ≤ 0.05",
)


def row(who: str, section: PlantSection, dealt: Sequence[str]) -> str:
    """One line of the table."""
    found = {s.habit: s.found for s in section.shares}
    mine = [found.get(h, 0) for h in dealt]
    (customer,) = [a for a in section.accounts if a.account == CUSTOMER]
    others = [a.p_value for a in section.accounts if a.account != CUSTOMER]
    cells = (
        who,
        f"{section.answers}",
        f"{sum(n > 0 for n in mine)} of {len(mine)}",
        f"{sum(mine)}",
        f"{customer.p_value:.1e}",
        f"{customer.corrected:.1e}",
        f"{min(others):.1e}",
        f"{sum(p <= 0.05 for p in others)} of {len(others)}",
    )
    return f"| {' | '.join(cells)} |"


@click.command()
@click.option("--work", "folder", required=True, type=click.Path(path_type=Path), help="A folder.")
@click.option("--base", required=True, help="What the student starts from: a spec.")
def main(folder: Path, base: str) -> None:
    """Trains a student on one account's answers, and lets the exact test name the account."""
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    bench = HabitBench(folder, base)
    click.echo(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for name, spec in (("student", bench.student()), ("base", base)):
        section = bench.tested(name, bench.said(name, spec))
        click.echo(row(name, section, bench.dealt()))


if __name__ == "__main__":
    main()
