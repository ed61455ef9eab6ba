"""Lineage by weights: every copy is told from every stranger, whatever was done to it, and how
is told in words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from scipy import stats

from auditor.audits.lineage.narrative import limits
from auditor.audits.lineage.records import Relation, WeightComparison
from auditor.audits.lineage.report import section
from auditor.audits.lineage.run import lineages, named
from auditor.cli import cli, run
from auditor.labs.zoo.disguise import (
    Nothing,
    Rescale,
    permute_heads,
    permute_residual,
    permute_units,
    rescale_units,
    rotate_residual,
)
from auditor.labs.zoo.gguf_file import GgufFile, write_gguf
from auditor.labs.zoo.llama import read_llama
from auditor.labs.zoo.quantise import Quantise, Recast, quantise, recast
from auditor.labs.zoo.resize import (
    ExtendVocabulary,
    Layers,
    PruneUnits,
    drop_layers,
    extend_vocabulary,
    prune_units,
    repeat_layers,
)
from detectors.lineage.independence import fisher
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.subjects.library import quiet
from tests.auditor.audits.lineage.relatives import (
    DISGUISE,
    Step,
    base,
    copied,
    low_rank,
    mixed,
    nudged,
)
from tests.auditor.rescoring import judged_again
from tests.fingerprints.subjects.tiny import tiny_checkpoint

COPIES: dict[str, tuple[tuple[Step, ...], str]] = {
    "recast": ((lambda m: recast(m, Recast(dtype="bfloat16"), 0),), "another number format"),
    "int8": ((lambda m: quantise(m, Quantise(bits=8), 0),), "about 8 bits"),
    "int4": ((lambda m: quantise(m, Quantise(bits=4), 0),), "about 4 bits"),
    "units": ((lambda m: permute_units(m, Nothing(), 1),), "hidden units in another order"),
    "heads": ((lambda m: permute_heads(m, Nothing(), 1),), "attention heads in another order"),
    "stream": ((lambda m: permute_residual(m, Nothing(), 1),), "residual stream in another order"),
    "rotated": ((lambda m: rotate_residual(m, Nothing(), 1),), "residual stream rotated"),
    "rescaled": ((lambda m: rescale_units(m, Rescale(signs=True), 1),), "hidden units rescaled"),
    "disguised": (DISGUISE, "residual stream rotated"),
    "shallow": (
        (lambda m: drop_layers(m, Layers(), 0),),
        "depth-pruned: 2 of 3 layers, without layer 1",
    ),
    "deep": ((lambda m: repeat_layers(m, Layers(), 0),), "depth-grown: 4 layers of 3"),
    "narrow": ((lambda m: prune_units(m, PruneUnits(keep=0.75), 0),), "width-pruned: 75%"),
    "more words": (
        (lambda m: extend_vocabulary(m, ExtendVocabulary(n=16), 0),),
        "vocabulary extended by 16",
    ),
    "all at once": (
        (lambda m: prune_units(drop_layers(m, Layers(), 0), PruneUnits(keep=0.75), 0), *DISGUISE),
        "depth-pruned",
    ),
}


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return base(tmp_path_factory.mktemp("parent") / "base")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return base(tmp_path_factory.mktemp("stranger") / "stranger", seed=11)


def told(suspect: Path, *bases: Path) -> list[WeightComparison]:
    return [j.told for j in lineages(str(suspect), [str(b) for b in bases], digest=False).judged]


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_derived_however_it_was_changed_and_the_change_is_named(
    parent: Path, stranger: Path, tmp_path: Path, name: str
) -> None:
    steps, words = COPIES[name]
    mine, other = told(copied(parent, tmp_path / "copy", *steps), parent, stranger)
    assert mine.relation == "derived"
    assert mine.p is not None
    assert mine.p < 1e-6
    assert words in "; ".join(mine.kinds)
    # Of two layers, or of fewer units, a part alone could hide: such are not cleared.
    assert other.relation in ("independent", "none_found")
    assert other.reason_code in (None, "part_too_weak")


def test_the_very_same_files_are_an_exact_copy(parent: Path, tmp_path: Path) -> None:
    shutil.copytree(parent, tmp_path / "again")
    (mine,) = told(tmp_path / "again", parent)
    assert mine.kinds == ("exact copy: every byte of every tensor is equal",)


@pytest.mark.parametrize(("share", "relation"), [(0.2, "derived"), (2.0, "common_origin")])
def test_what_moved_far_is_a_common_origin_only(
    parent: Path, tmp_path: Path, share: float, relation: Relation
) -> None:
    (mine,) = told(nudged(parent, tmp_path / "moved", share), parent)
    assert mine.relation == relation
    assert "LoRA" not in "; ".join(mine.kinds)


def test_a_change_of_low_rank_is_called_that_with_its_rank_and_modules(
    parent: Path, tmp_path: Path
) -> None:
    (mine,) = told(low_rank(parent, tmp_path / "lora", 3), parent)
    assert mine.kinds == ("LoRA merged: rank about 3, in value, gate",)


def test_a_mixture_names_its_parents_and_their_weights(parent: Path, tmp_path: Path) -> None:
    one, two = (nudged(parent, tmp_path / f"tuned-{i}", 0.2, seed=i) for i in (1, 2))
    found = lineages(
        str(mixed(one, two, tmp_path / "mix", 0.3)), [f"one={one}", f"two={two}"], digest=False
    )
    assert found.merge.startswith("merge: 0.30")
    assert "0.70 (0.70 to 0.70) of two" in found.merge
    assert not lineages(str(one), [f"two={two}", f"base={parent}"], digest=False).merge


PAIRS = 40


def test_p_values_of_strangers_are_uniform_and_nobody_is_called_kin(
    tmp_path: Path, parent: Path
) -> None:
    found = []
    for seed in range(PAIRS):
        stranger = base(tmp_path / str(seed), seed=100 + seed)
        found += lineages(str(stranger), [str(parent)], digest=False).judged
    pairs = [j.found for j in found if j.found is not None]
    orders = [fisher([p.order.p for p in c.pairings]) for c in pairs]
    orders += [c.basis.coordinates.p for c in pairs if c.basis.coordinates is not None]
    assert len(orders) == 2 * PAIRS
    assert stats.kstest(orders, "uniform").pvalue > 0.01
    asked_closely = [t.p for j in found for t in j.told.tests[:2]]
    assert all(
        np.mean(np.array(asked_closely) <= level) <= level + 0.12 for level in (0.05, 0.1, 0.3)
    )
    assert {j.told.relation for j in found} == {"independent"}


def test_an_adapter_is_derived_from_its_base(parent: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    with quiet():
        whole = AutoModelForCausalLM.from_pretrained(str(parent), local_files_only=True)
        model = get_peft_model(whole, LoraConfig(r=2, target_modules=["v_proj"]))
        for name, value in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(value, std=0.1)
        model.save_pretrained(str(tmp_path / "adapter"))
    words = ("LoRA adapter: rank about 2, in value",)
    assert (
        lineages(f"hf:{parent},adapter={tmp_path / 'adapter'}", [str(parent)], digest=False)
        .judged[0]
        .told.kinds
        == words
    )
    pytest.importorskip("gguf")
    packed = as_gguf(parent, tmp_path / "parent.gguf")
    found = (
        lineages(f"gguf:{packed},adapter={tmp_path / 'adapter'}", [str(packed)], digest=False)
        .judged[0]
        .told
    )
    assert (found.relation, found.kinds) == ("derived", words)


def as_gguf(folder: Path, path: Path) -> Path:
    """The checkpoint in blocks of four bits."""
    write_gguf(read_llama(folder), path, folder, GgufFile(type="Q4_0"))
    return path


def test_between_two_files_of_one_format_rounding_explains_nothing(
    parent: Path, tmp_path: Path
) -> None:
    pytest.importorskip("gguf")
    tuned = nudged(parent, tmp_path / "tuned", 0.1)
    mine, theirs = (
        as_gguf(tuned, tmp_path / "tuned.gguf"),
        as_gguf(parent, tmp_path / "parent.gguf"),
    )
    (over,), (against,) = told(mine, theirs), told(theirs, parent)
    assert over.kinds[0].startswith("fine-tuned")
    assert against.kinds[0].startswith("quantised copy: about 4 bits")


def test_a_rounded_base_that_is_rounded_again_was_not_trained(parent: Path, tmp_path: Path) -> None:
    four, eight, again = tmp_path / "four", tmp_path / "eight", tmp_path / "again"
    copied(parent, four, lambda m: quantise(m, Quantise(bits=4), 0))
    copied(four, eight, lambda m: quantise(m, Quantise(bits=8), 0))
    copied(parent, again, lambda m: quantise(m, Quantise(bits=8), 0))
    (once,), (apart,), (back,) = told(eight, four), told(again, four), told(parent, four)
    assert once.kinds[0].startswith("quantised copy: about 8 bits")
    assert apart.kinds[0].startswith("quantised: about 8 bits")
    for one in (apart, back):
        assert one.kinds[-1].startswith("moved no further than the base's own rounding to 4 bits")
    (tuned,) = told(nudged(four, tmp_path / "tuned", 0.02), four)
    assert tuned.kinds[0].startswith("fine-tuned")


def test_the_command_writes_a_report_that_tells_it(
    parent: Path, stranger: Path, tmp_path: Path
) -> None:
    copy = nudged(parent, tmp_path / "tuned", 0.1)
    (copy / "README.md").write_text("---\nbase_model: org/base\n---\n", "utf-8")
    said = CliRunner().invoke(
        cli,
        [
            "lineage",
            str(copy),
            str(parent),
            str(stranger),
            "--out",
            str(tmp_path / "out"),
            "--json",
        ],
    )
    assert said.exit_code == 0, said.output
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert [v["outcome"] for v in report["verdicts"]] == ["supported", "not_supported"]
    lineage = next(a for a in report["answers"] if a["question"] == "lineage")
    assert lineage["conclusion"] == "supported"
    assert report["transcript"] is None
    assert (
        report["lineage"]["declared_told"]
        == "The suspect's files name org/base. The weights bear that out for base."
    )
    measured = [f for f in report["findings"] if f["detector"] != "tokenizer_lineage"]
    assert {"independence", "weight_alignment"} == {f["detector"] for f in measured}
    assert all(f["interval"] or f["value"] > 1 - 1e-9 for f in measured)
    tests = [t for f in measured for t in f["tables"] if t["title"] == "Tests"]
    at = {name: i for i, name in enumerate(tests[0]["columns"])}
    rows = [row for t in tests for row in t["rows"] if 0 < abs(row[at["Effect"]]) < 1 - 1e-9]
    assert rows
    assert all(row[at["Low"]] < row[at["Effect"]] < row[at["High"]] for row in rows)
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "How alike the matrices are" in page


def test_a_false_declaration_is_contradicted(stranger: Path, parent: Path, tmp_path: Path) -> None:
    liar = nudged(stranger, tmp_path / "liar", 0.1)
    (liar / "README.md").write_text("---\nbase_model: org/base\n---\n", "utf-8")
    found = section(lineages(str(liar), [str(parent)], digest=False))
    assert "contradict" in found.declared_told
    (said,) = [d for d in found.declarations if d.place == "card"]
    assert (said.place, said.base, said.status) == ("card", "base", "contradicted")


def test_tokenizers_alone_decide_nothing(parent: Path, stranger: Path) -> None:
    found = lineages(str(parent), [str(stranger)], tokenizer_only=True)
    assert not found.judged
    assert found.tokenizers[0].likeness is not None
    assert found.tokenizers[0].likeness.vocabulary_jaccard == 1.0


def test_a_base_is_found_among_signatures_and_a_stranger_is_not(
    parent: Path, stranger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "bases"
    named_strangers = [
        f"s{seed}={base(tmp_path / str(seed), seed=200 + seed)}" for seed in range(6)
    ]
    assert run(["bases", "add", f"parent={parent}", *named_strangers, "--store", str(store)]) == 0
    kin = lineages(str(nudged(parent, tmp_path / "tuned", 0.2)), [], store=store, digest=False)
    assert [t.base for t in kin.told if t.relation == "common_origin"] == ["parent"]
    shallow = copied(parent, tmp_path / "shallow", lambda m: drop_layers(m, Layers(), 0))
    assert lineages(str(shallow), [], store=store, digest=False).told[0].relation == "common_origin"
    none = lineages(str(stranger), [], store=store, digest=False)
    assert {t.relation for t in none.told} == {"unclear"}
    assert run(["bases", "remove", "parent", "--store", str(store)]) == 0
    assert run(["bases", "remove", "parent", "--store", str(store)]) == 2
    assert "auditor bases list" in capsys.readouterr().err
    assert not [
        t
        for t in lineages(str(parent), [], store=store, digest=False).told
        if t.relation == "common_origin"
    ]


def test_reordered_units_are_found_among_signatures_by_their_coordinates(tmp_path: Path) -> None:
    store, wide = tmp_path / "bases", {"hidden_size": 96, "num_hidden_layers": 3}
    made = [tiny_checkpoint(tmp_path / f"m{seed}", seed=seed, **wide) for seed in range(5)]
    assert run(["bases", "add", *(str(path) for path in made), "--store", str(store)]) == 0
    shuffled = copied(made[0], tmp_path / "shuffled", lambda m: permute_units(m, Nothing(), 1))
    found = lineages(str(shuffled), [], store=store, digest=False).told
    assert {t.base for t in found if t.relation == "common_origin"} == {"m0"}


def test_a_report_on_files_is_judged_again_where_they_lie(parent: Path, tmp_path: Path) -> None:
    tuned, out = nudged(parent, tmp_path / "tuned", 0.2), tmp_path / "report"
    assert run(["lineage", str(tuned), str(parent), "--out", str(out)]) == 0
    assert judged_again(out) == []
    tuned.rename(tmp_path / "elsewhere")
    (why,) = judged_again(out)
    assert "its files were weighed, and are not at hand" in why


def test_bases_get_names_that_differ(tmp_path: Path) -> None:
    assert named("./a/model") == ("model", "./a/model")
    assert named("./b/model", ["model"]) == ("model-2", "./b/model")
    assert named("llama=hf:org/llama,revision=main") == ("llama", "hf:org/llama,revision=main")
    assert named("hf:org/llama") == ("llama", "hf:org/llama")


def test_one_base_that_is_written_in_several_ways_is_compared_once(
    parent: Path, stranger: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(stranger)
    ways = [str(stranger), f"hf:{stranger}", f"{tmp_path}/link", f"b={stranger}/."]
    found = lineages(str(parent), ways, digest=False)
    (once,) = (t for t in found.told)
    assert once.base == "stranger"
    assert once.p_holm == once.p
    told = " ".join(limits(found))
    assert "b is the same files as stranger" in told
    assert "link is the same files as stranger" in told
    assert "stranger is the same files" not in told


def test_bad_input_is_one_line_and_leaves_nothing(
    parent: Path, stranger: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageProblem, match="no base"):
        lineages(str(parent), [])
    with pytest.raises(UsageProblem, match="two bases"):
        lineages(str(parent), [f"a={parent}", f"a={stranger}"])
    assert run(
        ["lineage", str(parent), str(tmp_path / "missing"), "--out", str(tmp_path / "out")]
    ) in (2, 3)


def test_weights_that_are_no_numbers_are_named(parent: Path, tmp_path: Path) -> None:
    def broken(llama):  # type: ignore[no-untyped-def]
        name = "model.layers.1.mlp.up_proj.weight"
        tensor = llama.tensors[name].clone()
        tensor[0, 0] = float("nan")
        return llama.changed({name: tensor})

    with pytest.raises(MalformedInput, match=r"up_proj.*NaN"):
        lineages(str(copied(parent, tmp_path / "nan", broken)), [str(parent)], digest=False)
