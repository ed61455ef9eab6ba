"""A figure is known by its id: with every shown name rewritten no topic, chart, headline or table
moves, and cards of before there were ids are read alike."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path

import pytest

from auditor.controls.cards.card import CARD, Card, read_card
from auditor.controls.cards.card_view import groups, headline
from auditor.controls.cards.migration import IDS, SINCE, migrated
from auditor.controls.evaluation.figure import (
    CAPPED,
    FORM,
    KINDS,
    NAMES_VENDOR,
    RIGHT,
    SHARED_GRAMS,
    SINCE_WARM_UP,
    SOLVED,
    THOUGHT,
    PairedFigure,
    name_of,
)
from auditor.controls.evaluation.scaling import scaling_table
from auditor.reporting.document import GridTable
from tests.auditor.controls.cards.cards import HOSTILE, card, figure
from tests.tree import ROOT

LADDERS = sorted((ROOT / "tests" / "data" / "ladders").rglob(CARD))


def every_kind() -> Card:
    """A card with figures of all kinds, and one that nobody planned for."""
    told = []
    for place, (kind, known) in enumerate(KINDS.items()):
        for which in ("1", "2") if "{}" in known.name else ("",):
            key, value = f"{kind}:{which}".rstrip(":"), 0.01 * place if known.share else 40.0
            told += [figure(key, when, value) for when in ("before", "after", "change")]
    told += [figure("", "after", 12.5, name=f"a figure of {HOSTILE}")]
    vendor = {"name": "t0", "vendor": "1", "kind": "teacher"}
    made = card(figures=told)
    lineage = made.lineage.model_dump() | {"teachers": [vendor]}
    return Card.model_validate(made.model_dump() | {"lineage": lineage})


def renamed(told: Card) -> Card:
    """The card with every figure's shown name rewritten."""
    turned = tuple(
        f.model_copy(update={"name": codecs.encode(f.name, "rot13")}) for f in told.figures
    )
    return told.model_copy(update={"figures": turned})


def arranged(told: Card) -> object:
    """Topics and charts with everything of a figure but its shown name."""
    return [
        (
            g.title,
            [[(c.share, [_nameless(f) for f in c.told]) for c in chart] for chart in g.charts],
        )
        for g in groups(told)
    ]


def _nameless(figure: PairedFigure | None) -> object:
    return None if figure is None else figure.model_dump(exclude={"name"})


@pytest.mark.parametrize("told", [every_kind(), *map(read_card, [p.parent for p in LADDERS[:4]])])
def test_rewritten_names_of_figures_move_no_topic_no_chart_and_no_headline(told: Card) -> None:
    turned = renamed(told)
    assert {f.name for f in turned.figures}.isdisjoint(f.name for f in told.figures)
    assert arranged(turned) == arranged(told)
    assert [_nameless(f) for f in headline(turned)] == [_nameless(f) for f in headline(told)]
    assert None not in headline(told)[:1]
    assert scaling_table(turned.figures) == scaling_table(told.figures)


def test_the_card_that_is_renamed_has_every_topic_and_a_table_of_its_waits() -> None:
    told = every_kind()
    assert {f.kind.topic for f in told.figures} == {k.topic for k in KINDS.values()}
    assert None not in headline(told)
    table = (scaling_table(told.figures) or ())[0]
    assert isinstance(table, GridTable)
    assert [row[0] for row in table.rows] == ["1", "2"]


@pytest.mark.parametrize("path", LADDERS, ids=lambda path: path.parent.name)
def test_every_figure_of_an_older_card_has_the_id_of_its_name(path: Path) -> None:
    old = [f["name"] for f in json.loads(path.read_text("utf-8"))["figures"]]
    assert [name_of(f.figure_id) for f in read_card(path.parent).figures] == old


@pytest.mark.parametrize(
    ("old", "figure_id", "name"),
    [
        *((name, key, name) for name, key in IDS.items()),
        ("3-grams found in the held-out answer", f"{SHARED_GRAMS}:3", None),
        ("names a:b\nc", f"{NAMES_VENDOR}:a:b\nc", None),
        (
            "known answers reached, waits forced: 2",
            f"{RIGHT}:2",
            "known answers reached, 2 waits forced",
        ),
        (
            "tokens of thinking, waits forced: 0",
            f"{THOUGHT}:0",
            "tokens of thinking, 0 waits forced",
        ),
        (
            "thinking cut at its cap, waits forced: 11",
            f"{CAPPED}:11",
            "thinking cut at its cap, 11 waits forced",
        ),
        (f"held-out puzzles solved{SINCE}", f"{SOLVED}:{SINCE_WARM_UP}", None),
        (f"held-out answers in the form of an equation{SINCE}", f"{FORM}:{SINCE_WARM_UP}", None),
        (HOSTILE, "", None),
    ],
)
def test_an_older_figure_gets_the_id_that_is_written_today(
    old: str, figure_id: str, name: str | None
) -> None:
    value = {"name": old, "when": "after", "value": 0.5, "low": None, "high": None, "n": 1}
    (found,) = migrated({"figures": [value]})["figures"]
    assert PairedFigure.model_validate(found).figure_id == figure_id
    assert found["name"] == (name or old)
    assert migrated({"figures": [found]}) == {"figures": [found]}


@pytest.mark.parametrize("value", [3, [], {}, {"figures": 3}, {"figures": [3, {"name": 3}, {}]}])
def test_what_is_no_card_stays_as_it_is_for_the_reader_to_judge(value: object) -> None:
    assert migrated(value) == value


def test_kinds_of_figures_are_documented() -> None:
    page = (ROOT / "docs" / "ids.md").read_text("utf-8")
    assert set(KINDS) <= set(re.findall(r"`([a-z0-9_]+)`", page))
