"""Do a model's weights bear out the base that its own card declares? For repositories of models, in
which a wrong ``base_model`` is a slip as often as anything else.

A declared name is a stranger's text: it becomes a hub's address only where it is nothing else, and
never a path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from auditor.audits.lineage.records import RELATED, Relation
from auditor.audits.lineage.run import Lineages
from fingerprints.errors import UnsafeInput, UsageProblem, printable
from fingerprints.records import Record
from fingerprints.weights.card import declared_lineage
from fingerprints.weights.open import open_weights

CardConclusion = Literal["borne_out", "contradicted", "undecided", "nothing_declared"]
HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}")
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""What `named` takes for the name in ``NAME=SPEC``."""
HUB = "https://huggingface.co/"
"""How converters write a hub's model into GGUF metadata."""
SAID: dict[CardConclusion, str] = {
    "borne_out": "the weights have a common origin with a declared base",
    "contradicted": "the weights are independent of every declared base, as far as was seen",
    "undecided": "the weights neither bear the declaration out nor contradict it",
    "nothing_declared": "the model's files declare no base",
}


class CardCheck(Record):
    """What a model's files declare, and what its weights say to that: the relation to each declared
    base by name."""

    conclusion: CardConclusion
    bases: dict[str, Relation]

    def lines(self) -> list[str]:
        """The same for people."""
        ranked = sorted(self.bases.items(), key=lambda one: one[1] != "independent")
        told = [f"{printable(name, 120)}: {r.replace('_', ' ')}" for name, r in ranked]
        if self.conclusion == "undecided" and self.against:
            names = ", ".join(printable(name, 120) for name in self.against)
            said = f"{SAID['undecided']} as a whole: they are independent of {names}"
            return [f"undecided: {said}, as far as was seen, and the others are open", *told]
        return [f"{self.conclusion.replace('_', ' ')}: {SAID[self.conclusion]}", *told]

    @property
    def against(self) -> tuple[str, ...]:
        """The declared bases that the weights are independent of."""
        return tuple(name for name, r in self.bases.items() if r == "independent")


def declared_bases(suspect: str) -> tuple[str, ...]:
    """The names of the bases that a model's card, adapter or metadata declares. Raises what opening
    the weights raises."""
    with open_weights(suspect) as weights:
        return declared_lineage(weights).base_models


def specs_of(declared: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """Where each declared base is found: as ``known`` says (by its name), else on the hub.

    Raises UsageProblem for a name that is neither known nor a hub's, and UnsafeInput where a folder
    of that name lies here: a repository could bring the base that it wants to be compared with.
    """
    out = []
    for said, called in _called(declared).items():
        name = hub_id(said)
        place = next((known[n] for n in (said, name) if n in known), None)
        if place is not None:
            out.append(f"{called}={place}")
            continue
        if not HUB_ID.fullmatch(name) or ".." in name:
            raise UsageProblem(
                f"the declared base {printable(name, 100)!r} is no name of a hub's model",
                next_step="say where it is: --base NAME=SPEC, with that name",
            )
        if Path(name).exists():
            raise UnsafeInput(
                "a folder with the declared base's name lies here, and would be taken for it",
                where=printable(name, 100),
                next_step="run it elsewhere, or say which is meant: --base NAME=SPEC",
            )
        out.append(f"{called}=hf:{name}")
    return out


def hub_id(name: str) -> str:
    """A declared name without the hub's address, in which it is the same model.

    >>> hub_id("https://huggingface.co/org/base"), hub_id("org/base")
    ('org/base', 'org/base')
    """
    return name.removeprefix(HUB).rstrip("/") if name.startswith(HUB) else name


def _called(declared: Sequence[str]) -> dict[str, str]:
    """What each declared base is called in the comparison: the last part of its name, by which the
    report knows it again; a number where that could be anything, or is another's too."""
    out: dict[str, str] = {}
    for number, name in enumerate(dict.fromkeys(declared), 1):
        last = name.rpartition("/")[2]
        plain = PLAIN_NAME.fullmatch(last) is not None and last not in out.values()
        out[name] = last if plain else f"declared-{number}"
    return out


def checked(declared: Sequence[str], found: Lineages | None) -> CardCheck:
    """What the comparison with the declared bases (named as `specs_of` names them) says.

    Contradicted only where each of them was compared and is independent: of several parents one may
    have left little. The same findings give the same conclusion.
    """
    if not declared or found is None:
        return CardCheck(conclusion="nothing_declared", bases={})
    told = {one.base: one.relation for one in found.told}
    told |= {other: told[same] for other, same in found.repeated if same in told}
    called = _called(declared)
    bases: dict[str, Relation] = {n: told.get(called[n], "not_compared") for n in called}
    return CardCheck(conclusion=_concluded(set(bases.values())), bases=bases)


def _concluded(relations: set[Relation]) -> CardConclusion:
    if relations & RELATED:
        return "borne_out"
    return "contradicted" if relations == {"independent"} else "undecided"
