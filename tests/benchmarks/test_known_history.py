"""Labels of known history: what is taught, what is not, and what is left out and why."""

from __future__ import annotations

import csv
import os
import re
from dataclasses import replace

import pytest

from fingerprints.records import Arm, Identity, Status
from fingerprints.transcript import Header, Transcript
from tests.benchmarks import known_history as known
from tests.benchmarks import known_labels as tables
from tests.benchmarks.known_labels import Ground, History, Label
from tests.benchmarks.public_models import documented, known_of
from tests.benchmarks.public_models import probes as alpaca_probes

FIRST = {"OpenAI": "2020H1", "Google": "2022H2", "Mistral AI": "2023H2", "Liquid AI": "2024H2"}
ROW = {
    "model": "tune-8b",
    "known_as": "tune-8b",
    "maker": "Lab",
    "base_maker": "Meta",
    "base_tuned": "no",
    "family": "llama-3",
    "lineage": "lab/llama-3",
    "era": "2024H1",
    "stored": "no",
    "taught_by": "OpenAI",
    "teacher_models": "gpt-4",
    "taught_in": "en",
    "taught_sure": "documented",
    "not_taught_by": "presumed:*",
    "unknown_for": "Google",
    "kind": "derived tune",
}
data_needed = pytest.mark.skipif(
    "AUDITOR_BENCH_DATA" not in os.environ, reason="AUDITOR_BENCH_DATA is not set"
)


def row(**cells: str) -> History:
    return tables.history({**ROW, **cells})


def stored(model: str, maker: str, family: str) -> History:
    own = {"model": model, "known_as": model, "maker": maker, "family": family}
    nobody = {"taught_by": "", "teacher_models": "", "taught_in": "", "taught_sure": ""}
    return row(**own, **nobody, base_maker=maker, lineage=f"{maker}/{family}", stored="yes")


STORED = (
    stored("gpt-4", "OpenAI", "gpt-4"),
    stored("gpt-4o", "OpenAI", "gpt-4o"),
    stored("gemini", "Google", "gemini"),
    stored("large", "Mistral AI", "large"),
    stored("llama", "Meta", "llama-3"),
)


@pytest.mark.parametrize(
    ("maker", "label"),
    [
        ("OpenAI", Label(1, Ground.DOCUMENTED)),
        ("Google", Label(None, Ground.OPEN)),
        ("Mistral AI", Label(0, Ground.PRESUMED)),
        ("Meta", Label(None, Ground.LINEAGE)),
        ("Lab", Label(None, Ground.OWN)),
        ("Liquid AI", Label(0, Ground.DOCUMENTED)),
    ],
)
def test_a_maker_is_taught_by_open_denied_kin_or_excluded_by_time(maker: str, label: Label) -> None:
    assert row().label(maker, FIRST) == label


def test_a_maker_that_came_later_taught_nobody_even_where_all_else_is_open() -> None:
    everything_open = row(taught_by="", taught_sure="", unknown_for="*", not_taught_by="")
    assert everything_open.label("Liquid AI", FIRST) == Label(0, Ground.DOCUMENTED)
    assert everything_open.label("Mistral AI", FIRST) == Label(None, Ground.OPEN)
    same_time = replace(everything_open, era="2024H2")
    assert same_time.label("Liquid AI", FIRST).value is None


def test_a_maker_of_whom_a_row_says_nothing_has_no_label() -> None:
    silent = row(taught_by="", taught_sure="", unknown_for="", not_taught_by="")
    assert silent.label("OpenAI", FIRST) == Label(None, Ground.OPEN)
    named = replace(silent, not_taught_by=frozenset({"Google", "presumed:OpenAI"}))
    assert named.label("Google", FIRST) == Label(0, Ground.DOCUMENTED)
    assert named.label("OpenAI", FIRST) == Label(0, Ground.PRESUMED)


def test_doubt_outweighs_a_denial_and_lineage_outweighs_a_teacher() -> None:
    assert row(not_taught_by="*").label("Google", FIRST).value is None
    assert row(taught_by="Meta").label("Meta", FIRST) == Label(None, Ground.LINEAGE)


@pytest.mark.parametrize(("tuned", "own"), [("yes", True), ("unknown", True), ("no", False)])
def test_the_maker_of_weights_is_kin_unless_they_were_no_chat_models(tuned: str, own: bool) -> None:
    one = row(base_maker="OpenChat;Mistral AI", base_tuned=tuned)
    assert ("OpenChat" in one.own) is own
    assert "Mistral AI" not in one.own
    assert {"Lab", "OpenChat", "Mistral AI"} == one.inseparable


def test_a_teacher_needs_to_say_how_surely() -> None:
    with pytest.raises(ValueError, match="tune-8b: taught_by and taught_sure go together"):
        row(taught_sure="")
    with pytest.raises(ValueError, match="certainly"):
        row(taught_sure="certainly")


def test_another_makers_tune_of_the_same_weights_is_lineage_in_both_directions() -> None:
    cousin = stored("cousin", "Cousin", "llama-3")
    assert tables.labels(row(), (*STORED, cousin), FIRST)["Cousin"] == Label(None, Ground.LINEAGE)
    rootless = replace(row(), family="")
    unknown = replace(cousin, family="")
    assert tables.labels(rootless, (*STORED, unknown), FIRST)["Cousin"].value == 0


def test_with_pretrained_weights_apart_only_tuned_ones_are_kin() -> None:
    plain = row(taught_by="Meta", teacher_models="llama", unknown_for="")
    assert plain.label("Meta", FIRST, lineage_first=False) == Label(1, Ground.DOCUMENTED)
    assert tables.labels(plain, STORED, FIRST, lineage_first=False)["Meta"].value == 1
    assert tables.labels(plain, STORED, FIRST)["Meta"].ground is Ground.LINEAGE
    tuned = replace(plain, base_tuned="yes")
    assert tuned.label("Meta", FIRST, lineage_first=False) == Label(None, Ground.OWN)


def test_a_student_of_a_model_that_is_not_stored_has_no_label_for_its_maker() -> None:
    assert tables.labels(row(), STORED, FIRST)["OpenAI"].value == 1
    other = row(teacher_models="gpt-5")
    assert tables.labels(other, STORED, FIRST)["OpenAI"] == Label(None, Ground.UNSTORED)
    unnamed = row(teacher_models="")
    assert tables.labels(unnamed, STORED, FIRST)["OpenAI"].value == 1


def test_the_teacher_of_a_candidate_is_no_null_for_it() -> None:
    nobody = {"taught_by": "", "teacher_models": "", "taught_in": "", "taught_sure": ""}
    teacher = row(**nobody, model="gpt-5", maker="OpenAI", base_maker="OpenAI", family="gpt-5")
    pupil = replace(
        stored("phi", "Microsoft", "phi"), taught_by=frozenset({"OpenAI"}), taught_sure="documented"
    )
    assert tables.labels(teacher, (*STORED, pupil), FIRST)["Microsoft"].ground is Ground.REVERSED
    untaught = stored("phi", "Microsoft", "phi")
    assert tables.labels(teacher, (*STORED, untaught), FIRST)["Microsoft"].value == 0


def test_a_student_of_a_hidden_maker_is_a_stranger_to_the_others() -> None:
    assert known.strangers((row(), *STORED), "OpenAI", FIRST) == (row(),)
    assert known.strangers((row(), *STORED), "Google", FIRST) == ()
    all_open = row(unknown_for="*")
    assert known.strangers((all_open, *STORED), "OpenAI", FIRST) == ()


def test_a_suspect_carries_its_teachers_and_leaves_out_what_is_open_or_kin() -> None:
    transcript = Transcript(Header(spec="x", identity=Identity(kind="recording", name="x")), {}, ())
    suspect = known.as_known(row(), STORED, transcript, FIRST)
    assert (suspect.group, suspect.start) == ("lab/llama-3", "llama-3")
    assert suspect.teachers == {"gpt-4"}
    assert suspect.vendors == {"OpenAI"}
    assert suspect.kin == {"Lab", "Google", "Meta"}
    only = known.as_known(row(), STORED, transcript, FIRST, frozenset({Ground.DOCUMENTED}))
    assert only.kin == {"Lab", "Google", "Meta", "Mistral AI"}


def test_what_a_set_carries_counts_lineages_not_models() -> None:
    twins = (row(), row(model="tune-8b-again"), row(model="other", lineage="other/llama-3"))
    openai = next(c for c in known.carried((*twins, *STORED), FIRST) if c.maker == "OpenAI")
    taught = openai.taught[Ground.DOCUMENTED]
    assert (len(taught), known.lineages(taught), known.labs(taught)) == (3, 2, 1)


def test_controls_are_those_whom_nobody_taught() -> None:
    nobody = {"taught_by": "", "taught_sure": "", "not_taught_by": "*"}
    human = row(**nobody, model="human", kind="human-data")
    plain = row(**nobody, model="plain")
    copies = row(**nobody, model="copies", kind="variant")
    found = known.controls((row(), human, plain, copies))
    assert found == {"human-data": (human,), "preference-only": (), "denied": (plain,)}


@pytest.mark.parametrize("of", tables.SETS)
def test_a_table_names_each_model_once_and_means_what_its_columns_allow(of: str) -> None:
    rows = tables.histories(of)
    assert len({h.model for h in rows}) == len(rows)
    for h in rows:
        assert h.base_tuned in {"yes", "no", "unknown"}, h.model
        assert re.fullmatch(r"20\d\dH[12]", h.era), h.model
        assert all((h.lineage, h.maker, h.kind, h.known_as)), h.model
        assert not (h.taught_by & h.unknown_for), h.model
        assert not (h.taught_by & h.not_taught_by), h.model


@pytest.mark.parametrize("of", tables.SETS)
def test_every_candidate_maker_is_dated_and_no_student_is_older_than_its_teacher(of: str) -> None:
    rows, first = tables.histories(of), tables.first_public()
    named = {m for h in rows for m in h.taught_by - {tables.SELF}}
    undated = (named | set(tables.makers_of(tables.stored_of(rows)))) - first.keys()
    assert undated == set()
    for h in rows:
        assert all(first[m] <= h.era for m in h.taught_by - {tables.SELF}), h.model


def test_one_checkpoint_has_one_history_in_all_sets() -> None:
    seen: dict[str, History] = {}
    for h in (h for of in tables.SETS[1:] for h in tables.histories(of)):
        one = seen.setdefault(h.known_as, h)
        assert replace(h, model=one.model, stored=one.stored) == one


@data_needed
@pytest.mark.parametrize("of", tables.SETS)
def test_every_model_of_the_set_has_a_row_and_every_row_a_model(of: str) -> None:
    with (known.data(of) / "models.csv").open(encoding="utf-8", newline="") as file:
        listed = [r["model"] for r in csv.DictReader(file)]
    assert [h.model for h in tables.histories(of)] == listed


@data_needed
@pytest.mark.parametrize("of", tables.SETS)
def test_answers_are_read_with_those_cut_short_marked(of: str) -> None:
    asked = known.probes(of)
    one = tables.histories(of)[-1]
    read = known.transcript_of(of, one.model, asked)
    assert len(read.replies) > 100
    assert {r.arm for r in read.replies} == {Arm.RECORDED}
    for reply in read.replies:
        assert (reply.status is Status.TRUNCATED) == (of != tables.ALPACA and _cut(reply.text))


def _cut(text: str) -> bool:
    return len(text) >= 3000


@data_needed
def test_the_first_sets_documented_teachers_are_those_that_calibrations_were_fitted_on() -> None:
    asked = alpaca_probes(frozenset())
    by_name = {h.model: h for h in tables.histories(tables.ALPACA)}
    first = tables.first_public()
    for table in documented():
        before = known_of(table, asked)
        now = by_name[before.name].label("OpenAI", first)
        assert now.value == (1 if "OpenAI" in before.vendors else 0), before.name


def test_a_model_that_learned_in_another_language_has_no_label_for_its_teacher_there() -> None:
    told = tables.labels(row(), STORED, FIRST, language="ja")
    assert told["OpenAI"] == Label(None, Ground.ELSEWHERE)
    assert tables.labels(row(), STORED, FIRST, language="en")["OpenAI"].value == 1
    assert tables.labels(row(taught_in=""), STORED, FIRST, language="ja")["OpenAI"].value == 1
    assert told["Mistral AI"].value == 0
