"""The plan of a test for a plant: the suspect, the plant's folder, and what is asked; flags → a
checked record.

Knows what will be asked; asks nothing, and holds no key.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from auditor.audits.plan import AskingOf, AuditPlan
from fingerprints.errors import UsageProblem
from fingerprints.probes import ProbeChoice
from fingerprints.records import ProbeSet, Sampling

STYLE = (ProbeChoice(set="style"),)


class PlantTestPlan(AuditPlan):
    """Everything that decides a test besides the models and the sealed file.

    ``plant`` is the plant's folder, ``sealed`` its sealed file where that lies elsewhere.
    ``marked``: recorded answers of the teacher that carry the watermark;
    ``choices``: what the suspect chose behind them in an earlier test. ``base``: what the suspect
    was trained from. ``retired``: the plant was no longer served when the suspect answered.
    ``expect``: what a suspect that matters would show at the least (by how much more often than by
    chance a token is green; or in which share of answers it has a habit). ``null_keys``: how many
    keys that nobody used are tried beside the real one.
    """

    command: ClassVar[str] = "plant"
    noun: ClassVar[str] = "plan of a test for a plant"

    format: Literal["plant-test/1"] = "plant-test/1"
    suspect: str
    plant: str
    sealed: str | None = None
    marked: str | None = None
    choices: str | None = None
    base: str | None = None
    retired: bool = False
    expect: Annotated[float, Field(gt=0, lt=1)] | None = None
    null_keys: Annotated[int, Field(ge=0, le=10_000)] = 200
    probes: tuple[ProbeChoice, ...] = STYLE
    sampling: Sampling = Sampling()

    def probe_sets(self) -> list[ProbeSet]:
        """The chosen probe sets, loaded."""
        return [choice.load() for choice in self.probes]

    def asking(self) -> tuple[AskingOf, ...]:
        """The suspect, and its base for habits."""
        asked = (self.suspect, *([] if self.base is None else [self.base]))
        return tuple(AskingOf(spec, self.probe_sets(), self.sampling) for spec in asked)

    def check(self) -> None:
        """Raises MalformedInput and UsageProblem for a probe set that there is not, and for choices
        without the texts that they stand in."""
        if self.choices is not None and self.marked is None:
            raise UsageProblem(
                "choices are read behind marked answers",
                where="--choices",
                next_step="give the same --marked as in the test that made them",
            )
        self.probe_sets()
