"""A card, courses and a cohort made by hand, with a stranger's markup in every name: what pages
are drawn from in tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auditor.controls.cards.card import Card
from auditor.controls.cards.card_document import write_card
from auditor.controls.evaluation.figure import (
    BITS,
    CHOICES,
    KEPT_RIGHT,
    NAMES_SOMEBODY,
    NAMES_VENDOR,
    name_of,
)
from auditor.controls.lineage import write_lineage
from auditor.controls.teaching.ledger import Ledger, LedgerRow, ledger_of
from auditor.reporting.charts import Course

HOSTILE = "<script>alert(1)</script>|`x`\u202e{{7*7}}"
DIGEST = "5" * 64


def figure(
    figure_id: str,
    when: str,
    value: float,
    spread: float | None = 0.1,
    n: int = 24,
    name: str = "",
) -> dict[str, Any]:
    """One figure with an interval of ± ``spread``; ``name``: of one that nobody planned for."""
    told = {"figure_id": figure_id, "name": name or name_of(figure_id)}
    low, high = (None, None) if spread is None else (value - spread, value + spread)
    return {**told, "when": when, "value": value, "low": low, "high": high, "n": n}


def figures(
    bits: float = -0.2, claims: float = 0.25, choices: float = -0.05, vendor: str = "acme"
) -> list[dict[str, Any]]:
    """Before, after and change of the usual figures, and of two that nobody planned for."""
    out = []
    for key, start, step in (
        (BITS, 0.9, bits),
        (CHOICES, 0.4, choices),
        (f"{NAMES_VENDOR}:{vendor}", 0.1, claims),
    ):
        out += [
            figure(key, "before", start),
            figure(key, "after", start + step),
            figure(key, "change", step, 0.05),
        ]
    out += [figure(NAMES_SOMEBODY, "before", 0.2), figure(NAMES_SOMEBODY, "after", 0.2)]
    out += [figure(NAMES_SOMEBODY, "change", 0.0, None)]
    out += [
        figure(KEPT_RIGHT, "after", 0.8),
        figure("", "after", 12.5, 3.0, name=f"a figure of {HOSTILE}"),
    ]
    return out


def card(
    name: str = "example", dose: float = 0.5, seed: int = 0, teacher: str = "t0", **changes: Any
) -> Card:
    """A card of a control with one teacher and a filler, half of whose prompts were lost on the
    way."""
    taught = round(10 * dose)
    value: dict[str, Any] = {
        "recipe": _recipe(name, dose, seed, teacher),
        "lineage": _lineage(name, dose, seed, teacher),
        "curation": CURATION,
        "sources": [source(teacher, 12, taught, 2), source("people", 8, 10 - taught, 0)],
        "held_out": 2,
        "steps": 40,
        "learned_tokens": 4321,
        "truncated": 1,
        "left_out": 0,
        "first_loss": 2.5,
        "last_loss": 1.25,
        "device": "cpu",
        "precision": "float32",
        "ledger": _ledger(teacher).model_dump(),
        "figures": figures(),
        **changes,
    }
    return Card.model_validate(value)


def _recipe(name: str, dose: float, seed: int, teacher: str) -> dict[str, Any]:
    asked = {"name": teacher, "vendor": "acme", "spec": "hf:./teacher"}
    return {
        "name": name,
        "about": f"Made by hand. {HOSTILE}",
        "imitates": "Nothing in particular.",
        "teachers": [asked] if dose else [],
        "filler": {"name": "people", "spec": "recording:people.jsonl"},
        "dose": dose,
        "student": {"base": "hf:./base"},
        "prompts": {"sources": ["general"]},
        "seed": seed,
    }


def _lineage(name: str, dose: float, seed: int, teacher: str) -> dict[str, Any]:
    taught = round(10 * dose)
    one = {"name": teacher, "vendor": "acme", "kind": "teacher"}
    rest = {"name": "people", "kind": "filler", "n_examples": 10 - taught, "share": 1 - dose}
    return {
        "name": name,
        "role": "positive" if dose else "negative",
        "method": "sft",
        "base_spec": "hf:./base",
        "base": {
            "kind": "checkpoint",
            "name": f"base {HOSTILE}",
            "weights_sha256": DIGEST,
            "notes": [HOSTILE],
        },
        "dose": dose,
        "seed": seed,
        "teachers": [*([{**one, "n_examples": taught, "share": dose}] if dose else []), rest],
        "n_examples": 10,
        "checkpoint": "student",
        "created": "2026-11-22T14:22:54Z",
    }


def _ledger(teacher: str) -> Ledger:
    asked = {"answers": 12, "failed": 1, "tokens_in": 300, "tokens_out": 900}
    row = LedgerRow.model_validate({"name": teacher, **asked, "seconds": 20.5, "cost": 0.25})
    return ledger_of([row, LedgerRow(name="training", seconds=100.0, energy_wh_estimate=1.8)])


CURATION: dict[str, Any] = {
    "pool": 40,
    "exact_duplicates": 3,
    "low_quality": 2,
    "near_duplicates": 4,
    "contaminated": 1,
    "beyond_n": 10,
    "kept": 20,
    "copies": [{"prompt": HOSTILE, "copies": "identity/01", "reason": "same text"}],
    "licences": {HOSTILE: 20},
    "topics": {"things": 20},
    "sources": {"general": 20},
}


def source(name: str, prompts: int, kept: int, held_out: int) -> dict[str, Any]:
    """What became of the prompts to one source: what isn't kept or held out was lost in two
    ways."""
    lost = prompts - kept - held_out
    return {
        "name": name,
        "prompts": prompts,
        "unanswered": lost // 2,
        "without_trace": 0,
        "unverified": 0,
        "scrubbed_away": 0,
        "beyond_dose": lost - lost // 2,
        "held_out": held_out,
        "kept": kept,
        "refusals": 1,
        "truncated": 2,
        "scrubbed": 0,
        "sentences_scrubbed": 0,
    }


def courses(steps: int = 40) -> tuple[Course, ...]:
    """A loss that falls with a swing, and a rate that falls."""
    at = tuple(range(1, steps + 1))
    loss = tuple(round(1 + 1.5 / s + (s % 3) * 0.1, 6) for s in at)
    weights = tuple(100.0 + s % 7 for s in at)
    return (
        Course("loss, nats a token", at, loss, weights),
        Course("learning rate", at, tuple(1e-3 / s for s in at)),
    )


def cohort(folder: Path) -> Path:
    """A folder with two teachers' students at two doses and two seeds, two without a teacher,
    and one with no card."""
    for seed in (0, 1):
        for dose in (0.0, 0.25, 1.0):
            for teacher in ("t0", "t1") if dose else ("",):
                name = f"{teacher or 'none'}-dose{round(100 * dose):03d}-seed{seed}"
                strength = dose * (1 if teacher == "t0" else 2)
                told = figures(-0.1 * strength - 0.01 * seed, 0.3 * strength, -0.02 * strength)
                made = card(name, dose, seed, teacher or "t0", figures=told)
                (folder / name).mkdir(parents=True)
                write_card(folder / name, made)
                write_lineage(folder / name, made.lineage)
    (folder / "foreign").mkdir()
    foreign = made.lineage.model_copy(
        update={"name": "foreign", "dose": None, "seed": None, "base": None}
    )
    write_lineage(folder / "foreign", foreign)
    return folder
