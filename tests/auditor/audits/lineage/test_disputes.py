"""Public disputes as small analogues: each gets the sentence that its history deserves, and the
honest model the one that clears it."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audits.lineage.declared import declarations, declared_told
from auditor.audits.lineage.narrative import lineage_told
from auditor.audits.lineage.run import Lineages, lineages
from auditor.labs.zoo.disputes import DISPUTES, Dispute
from auditor.labs.zoo.gguf_file import write_gguf
from auditor.labs.zoo.llama import read_llama
from tests.auditor.audits.lineage.relatives import base, nudged, stored


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("disputes")
    made = {"base": base(folder / "base"), "stranger": base(folder / "stranger", seed=11)}
    made["a fine-tune"] = nudged(made["base"], folder / "tuned", 0.2)
    return made


def disputed(dispute: Dispute, models: dict[str, Path], folder: Path) -> Path:
    """The model in dispute, as it was published."""
    made = dispute.made(read_llama(models["base"]), read_llama(models[dispute.second]))
    if dispute.packed is None:
        return stored(made, folder / "model", models["base"])
    pytest.importorskip("gguf")
    write_gguf(made, folder / "model.gguf", models["base"], dispute.packed)
    return folder / "model.gguf"


def compared(dispute: Dispute, models: dict[str, Path], suspect: Path) -> Lineages:
    known = ["base", *([] if dispute.second == "stranger" else [dispute.second])]
    named = [f"{name.split()[-1]}={models[name]}" for name in known]
    return lineages(str(suspect), named, digest=False)


@pytest.mark.parametrize("name", DISPUTES)
def test_a_dispute_gets_the_sentence_that_its_history_deserves(
    models: dict[str, Path], tmp_path: Path, name: str
) -> None:
    dispute = DISPUTES[name]
    found = compared(dispute, models, disputed(dispute, models, tmp_path))
    conclusion, told = lineage_told(found)
    assert all(words in told for words in dispute.says), told
    honest = name == "an honest model"
    assert conclusion == ("none_of_the_candidates" if honest else "supported")


def test_a_lora_over_an_older_base_than_its_card_names_is_told_as_nearest_to_that(
    models: dict[str, Path], tmp_path: Path
) -> None:
    dispute = DISPUTES["an older base"]
    suspect = disputed(dispute, models, tmp_path)
    (suspect / "README.md").write_text("---\nbase_model: org/fine-tune\n---\n", "utf-8")
    found = compared(dispute, models, suspect)
    assert declared_told(declarations(found), found.told) == (
        "The suspect's files name org/fine-tune. The weights bear that out for fine-tune. The"
        " weights share an origin with base, which goes by another name. They are nearest to base."
    )
