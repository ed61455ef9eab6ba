"""What is known of weights or a maker that suspect and candidates share, before all weighing.

A model that was made from a maker's weights, or by it, is like that maker's models for that reason
alone: no likeness can then say that it learned from their answers, nor that it didn't. Knows words
and codes; finds nothing out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from auditor.evidence.codes import Kinship

Open = Literal["base", "maker"]
"""What isn't known of a suspect: whose model its weights began with; who made it."""

FEWEST_EQUAL, MOSTLY_EQUAL = 10, 0.9
"""From so many shared prompts on, and such a share of them answered in the very same words, two
records are one model's: fewer prompts may have short answers that anybody gives."""

UNKNOWN: dict[tuple[Open, ...], str] = {
    ("base", "maker"): "Whose model the suspect was tuned from and who made it are not known",
    ("base",): "Whose model the suspect was tuned from is not known",
    ("maker",): "The suspect's maker is not known",
}


GIVEN: dict[tuple[Open, ...], str] = {
    ("base", "maker"): "The suspect's base and maker are as given by the user, and unchecked.",
    ("base",): "The suspect's base is as given by the user, and unchecked.",
    ("maker",): "The suspect's maker is as given by the user, and unchecked.",
}


@dataclass(frozen=True)
class Tie:
    """One way in which the suspect is known to be related to candidates: its code, and what is
    known, as a clause. ``given``: by the word of whoever ordered the audit alone."""

    kinship: Kinship
    told: str
    given: bool = False


@dataclass(frozen=True)
class Kin:
    """All that is known of a suspect's kinship: ties by the name of a candidate group, what is
    ``open``, what is ``given`` by the user's word alone, and ``hints``: sentences on what makes
    kinship likely and shows none."""

    ties: Mapping[str, Sequence[Tie]] = field(default_factory=dict)
    open: tuple[Open, ...] = ()
    hints: tuple[str, ...] = ()
    given: tuple[Open, ...] = ()

    def of(self, group: str) -> tuple[Tie, ...]:
        """The ties to one group; empty for none that is known."""
        return tuple(self.ties.get(group, ()))

    @property
    def unknown(self) -> str:
        """The beginning of a sentence on what isn't known; empty where both are."""
        return UNKNOWN.get(self.open, "")

    @property
    def unchecked(self) -> str:
        """A sentence on what only the user says; empty where that is nothing."""
        return GIVEN.get(self.given, "")

    def only_given(self, group: str) -> bool:
        """Whether all that ties the suspect to a group is the user's word."""
        ties = self.of(group)
        return bool(ties) and all(tie.given for tie in ties)


def not_separable(ties: Sequence[Tie]) -> str:
    """Why a group of candidates can't be assessed, in one sentence."""
    known = "; ".join(dict.fromkeys(tie.told for tie in ties))
    return (
        f"Not separable from lineage: {known}. Likeness to these models has that reason already,"
        " and says neither that the suspect learned from their answers nor that it didn't."
    )
