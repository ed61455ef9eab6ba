"""Which part comes from which base: every cell of the map is right or not told, never wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from auditor.audits.lineage.judge import TURNED_EMBEDDING
from auditor.audits.lineage.map_of_parts import (
    EMPTY,
    FURTHER,
    FURTHER_TOLD,
    NONE,
    OPEN,
    SEVERAL,
    map_of_parts,
)
from auditor.audits.lineage.origins import origins
from auditor.audits.lineage.plan import LineagePlan
from auditor.audits.lineage.records import (
    KeptPart,
    LineageSection,
    PartName,
    PartOrigin,
    WeightComparison,
)
from auditor.audits.lineage.report import report_of, section
from auditor.audits.lineage.run import lineages
from auditor.audits.report.document import report_document
from auditor.labs.zoo.llama import EMBEDDING, HEAD, LAST_NORM, Llama, read_llama
from auditor.reporting import html, markdown, terminal
from tests.auditor.audits.lineage.relatives import DISGUISE, base, copied, nudged, stored

Whose = Callable[[PartName, int | None], tuple[str, int | None]]
"""Which model a part was taken from, and which layer of it."""
ATTENTION = ("self_attn.", "input_layernorm.")
LAYERS = 3


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("parents")
    return {name: base(folder / name, seed) for name, seed in (("a", 0), ("b", 11), ("c", 23))}


def stacked(models: dict[str, Path], folder: Path, whose: Whose, *steps: Callable) -> Path:
    """A model whose parts come from several: a norm goes with what reads it."""
    parents = {name: read_llama(path) for name, path in models.items()}
    llama = parents["a"]
    llama = llama.changed({name: _taken(parents, name, whose) for name in llama.tensors})
    for step in steps:
        llama = step(llama)
    return stored(llama, folder, models["a"])


def _taken(parents: dict[str, Llama], name: str, whose: Whose) -> torch.Tensor:
    if name in (EMBEDDING, HEAD, LAST_NORM):
        who, _ = whose("embedding" if name == EMBEDDING else "head", None)
        return parents[who].tensors[name]
    _, _, layer, rest = name.split(".", 3)
    who, of = whose("attention" if rest.startswith(ATTENTION) else "mlp", int(layer))
    return parents[who].tensors[name.replace(f".{layer}.", f".{of}.", 1)]


def by_layer(names: str) -> Whose:
    """Layers whole, each of the model that its letter names; the rest of the first one."""
    return lambda part, layer: ("a" if layer is None else names[layer], layer)


def by_kind(**kinds: str) -> Whose:
    """Kinds of parts, of the models named."""
    return lambda part, layer: (kinds[part], layer)


CASES: dict[str, Whose] = {
    "alternating layers": by_layer("aba"),
    "two blocks": by_layer("abb"),
    "one layer from elsewhere": by_layer("aca"),
    "layers that moved": lambda part, layer: (
        "b" if layer == 1 else "a",
        None if layer is None else (layer + 1) % LAYERS,
    ),
    "attention that moved": lambda part, layer: (
        "a",
        layer if layer is None or part == "mlp" else (layer + 1) % LAYERS,
    ),
    "embedding and attention": by_kind(embedding="a", head="a", attention="b", mlp="c"),
    "embedding, attention, MLPs": by_kind(embedding="a", head="a", attention="b", mlp="a"),
    "attention alone": by_kind(embedding="c", head="c", attention="b", mlp="c"),
    "MLPs alone": by_kind(embedding="c", head="c", attention="c", mlp="b"),
    "embedding alone": by_kind(embedding="a", head="c", attention="c", mlp="c"),
    "nothing": by_kind(embedding="c", head="c", attention="c", mlp="c"),
}


def told(suspect: Path, models: dict[str, Path], *names: str) -> LineageSection:
    return section(lineages(str(suspect), [str(models[n]) for n in names], digest=False))


def wrong(found: LineageSection, whose: Whose, bases: tuple[str, ...]) -> list[PartOrigin]:
    """The cells that say something else than the truth."""
    out = []
    for o in found.origins:
        part: PartName = "attention" if o.part == "attention_norm" else o.part
        who, of = whose("mlp" if part == "mlp_norm" else part, o.layer)
        if o.state == "other":
            right = who not in bases
        elif o.state == "kept":
            right = who in (o.base, *o.also) and (o.of is None or o.of == of)
        else:
            continue
        out += [] if right else [o]
    return out


@pytest.mark.parametrize("dressed", [False, True], ids=["plain", "disguised"])
@pytest.mark.parametrize("case", CASES)
def test_a_cell_is_right_or_not_told(
    models: dict[str, Path], tmp_path: Path, case: str, dressed: bool
) -> None:
    whose = CASES[case]
    suspect = stacked(models, tmp_path / "s", whose, *(DISGUISE if dressed else ()))
    found = told(suspect, models, "a", "b")
    assert wrong(found, whose, ("a", "b")) == []
    at = {(o.part, o.layer): o for o in found.origins}
    assert len(at) == 2 + 4 * LAYERS
    if dressed and case in ("embedding and attention", "attention alone"):
        # A dozen heads of eight dimensions are too few.
        return
    for layer in range(LAYERS):
        for part in ("attention", "mlp"):
            who, _ = whose(part, layer)
            expected = (who, "kept") if who != "c" else (None, "other")
            assert (at[part, layer].base, at[part, layer].state) == expected


def test_an_embedding_alone_is_found_in_a_turned_stream_and_says_no_more(
    models: dict[str, Path], tmp_path: Path
) -> None:
    suspect = stacked(models, tmp_path / "s", CASES["embedding alone"], *DISGUISE)
    (one, other) = told(suspect, models, "a", "b").comparisons
    assert (one.relation, other.relation) == ("common_origin", "independent")
    assert one.likeness is None
    assert one.kinds == (TURNED_EMBEDDING,)
    assert one.p_holm is not None
    assert one.p_holm < 1e-6


def test_a_layer_of_another_base_is_not_told_among_those_that_moved(
    models: dict[str, Path], tmp_path: Path
) -> None:
    suspect = stacked(models, tmp_path / "s", CASES["layers that moved"])
    mine, theirs = told(suspect, models, "a", "b").comparisons
    assert "layers in another order: 1, none of it, 0" in mine.kinds
    assert "layers in another order: none of it, 2, none of it" in theirs.kinds


def test_norms_embedding_and_output_layer_are_told_where_the_stream_was_left(
    models: dict[str, Path], tmp_path: Path
) -> None:
    whose = by_layer("aba")
    found = told(stacked(models, tmp_path / "s", whose), models, "a", "b")
    assert {(o.part, o.layer): o.base for o in found.origins} == {
        (part, layer): whose(part, layer)[0]
        for part in ("attention", "attention_norm", "mlp", "mlp_norm")
        for layer in range(LAYERS)
    } | {("embedding", None): "a", ("head", None): "a"}


def test_a_base_that_was_not_found_leaves_no_cell(models: dict[str, Path], tmp_path: Path) -> None:
    found = told(models["c"], models, "a", "b")
    assert {c.relation for c in found.comparisons} == {"independent"}
    assert {o.state for o in found.origins} == {"other"}
    chart = map_of_parts(found.origins, ["a", "b"])
    assert chart.title == EMPTY
    assert {c.sign for _, row in chart.rows for c in row if c is not None} == {NONE}


def test_units_that_moved_in_some_layers_alone_are_no_strangers(
    models: dict[str, Path], tmp_path: Path
) -> None:
    def some(llama: Llama) -> Llama:
        moved = DISGUISE[1](llama)
        first = {n: t for n, t in moved.tensors.items() if ".layers.0." in n}
        return llama.changed(first)

    found = told(copied(models["a"], tmp_path / "s", some), models, "a", "b")
    assert {o.base for o in found.origins if o.part in ("mlp", "attention")} == {"a"}


def test_a_shuffled_vocabulary_does_not_make_the_embedding_anybody_elses(
    models: dict[str, Path], tmp_path: Path
) -> None:
    def shuffled(llama: Llama) -> Llama:
        rows = torch.randperm(llama.vocabulary, generator=torch.Generator().manual_seed(2))
        return llama.changed({n: llama.tensors[n][rows] for n in (EMBEDDING, HEAD)})

    found = told(copied(models["a"], tmp_path / "s", shuffled), models, "a")
    states = {o.part: o.state for o in found.origins if o.layer is None}
    assert "other" not in states.values()


def test_of_two_kin_the_parent_is_told_where_it_is_plainly_nearer(
    models: dict[str, Path], tmp_path: Path
) -> None:
    kin = {"a": models["a"], "tuned": nudged(models["a"], tmp_path / "tuned", 0.2)}
    suspect = nudged(models["a"], tmp_path / "s", 0.02, seed=3)
    found = told(suspect, kin, "tuned", "a")
    assert {o.base for o in found.origins if o.part in ("mlp", "attention")} == {"a"}
    midway = told(nudged(models["a"], tmp_path / "m", 0.4, seed=5), kin, "tuned", "a")
    mixed = [o for o in midway.origins if o.part in ("mlp", "attention")]
    assert all({o.base, *o.also} == {"a", "tuned"} for o in mixed)
    assert {o.of for o in mixed} == {None}


def test_of_two_kin_nobody_is_named_where_shared_parts_alone_told_the_basis(
    models: dict[str, Path], tmp_path: Path
) -> None:
    kin = {**models, "tuned": nudged(models["a"], tmp_path / "tuned", 0.2)}
    whose = by_kind(embedding="c", head="c", attention="c", mlp="a")
    suspect = stacked(models, tmp_path / "s", whose, *DISGUISE)
    found = told(suspect, kin, "tuned", "a")
    assert all(c.laid_by_parts for c in found.comparisons)
    assert {frozenset((o.base, *o.also)) for o in found.origins if o.part == "mlp"} == {
        frozenset(("a", "tuned"))
    }


def compared(base_name: str, state: str, likeness: float | None = None) -> WeightComparison:
    part = KeptPart.model_validate(
        {"part": "mlp", "layer": 0, "state": state, "of": 0, "likeness": likeness}
    )
    return WeightComparison(
        base=base_name, spec=base_name, relation="derived_in_part", parts=(part,)
    )


def test_a_part_is_nobodys_only_where_every_base_leaves_no_room_for_it() -> None:
    place: tuple[PartName, int | None, int | None] = ("mlp", 0, None)
    silent = [
        WeightComparison(base="x", spec="x", relation=relation)
        for relation in ("independent", "unclear", "none_found", "not_compared")
    ]
    other = compared("a", "other")
    states = [origins([other, one], [place])[0].state for one in silent]
    assert states == ["other", "open", "open", "other"]
    assert origins(silent[3:], [place]) == ()
    (open_,) = origins([other, compared("b", "open")], [place])
    assert open_.state == "open"
    (kept,) = origins([other, compared("b", "kept", 0.9), silent[1]], [place])
    assert (kept.base, kept.also, kept.of) == ("b", (), 0)


def test_the_map_is_drawn_lettered_and_told_without_a_picture(
    models: dict[str, Path], tmp_path: Path
) -> None:
    hostile = "x<script>\x1b[31m"
    bases = (f"{models['a']}", f"{models['b']}")
    suspect = stacked(models, tmp_path / "s", CASES["layers that moved"])
    found = lineages(str(suspect), bases, digest=False)
    report = report_of(found, LineagePlan.make({"suspect": str(suspect), "bases": bases}))
    page = html.render(report_document(report))
    assert page.count('<svg class="mosaic"') == 1
    drawn = page.split('<svg class="mosaic"')[1].split("</svg>")[0]
    assert drawn.count(">A</text>") == 10
    assert drawn.count(">B</text>") == 4
    assert "<title>b, its layer 2 (1.00)</title>" in drawn
    assert "Every cell of the map as a table" in page
    assert "script" not in drawn
    for width in (60, 80):
        text = terminal.render(report_document(report), width)
        assert max(map(len, text.splitlines())) <= width
        assert "Attention       ABA" in text
    assert "Attention       ABA" in markdown.render(report_document(report))
    section_ = report.section(LineageSection)
    assert section_ is not None
    renamed = [o.model_copy(update={"base": o.base and hostile}) for o in section_.origins]
    chart = map_of_parts(renamed, [hostile])
    assert all("\x1b" not in name for _, name in chart.key)


def cell(**fields: object) -> PartOrigin:
    return PartOrigin.model_validate({"part": "mlp", "state": "kept", **fields})


def test_no_two_bases_share_a_letter() -> None:
    bases = [f"base-{i}" for i in range(54)]
    chart = map_of_parts([cell(layer=i, base=name) for i, name in enumerate(bases)], bases)
    ((_, row),) = chart.rows
    signs = [c.sign for c in row if c is not None]
    assert len(set(signs[:52])) == 52
    assert signs[51:] == ["z", FURTHER, FURTHER]
    assert [name for _, name in chart.key] == [*bases[:52], FURTHER_TOLD]
    assert row[53] is not None
    assert row[53].told == "base-53"


def test_signs_tell_several_and_open_apart() -> None:
    found = [
        cell(layer=0, base="a", also=("b",)),
        cell(layer=1, state="open"),
        cell(layer=2, state="other"),
        cell(layer=3, base="b"),
    ]
    chart = map_of_parts(found, ["a", "b"])
    ((_, row),) = chart.rows
    assert [c.sign for c in row if c is not None] == [SEVERAL, OPEN, NONE, "B"]
    assert len({(c.colour, c.open) for c in row if c is not None}) == len(row)
