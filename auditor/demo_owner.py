"""The owner's demo: an API that logged what it served, a customer's student of it, and an innocent
student of other answers of the same model; the first is told from the second by an exact test.

The API's model is the demo's taught one, both students start from the plain one, so that no model
hub is needed. Every step is a command that is printed; about ten minutes of one core.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from auditor.cli import run as run_command
from auditor.console import progress_on, put_error, say
from auditor.controls.evaluation.evaluate import EvaluationScale
from auditor.controls.recipe import Lora, Prompts, Recipe, Student, TeacherChoice, Training
from auditor.controls.train import train
from auditor.demo import demo_model, taught_adapter
from fingerprints.errors import AuditError
from fingerprints.records import Status
from fingerprints.subjects.spec import parse_spec
from fingerprints.transcript import load_transcript

PROMPTS, TOKENS, TEMPERATURE = 48, 32, 0.8
"""Three models read four answers to every prompt: few, but of 40 prompts 10 fell out in a trial for
answers that were alike, and the test needs 24."""
SERVED_SEED, OTHER_SEED = 1, 2
QUICK = EvaluationScale(choices=4, identity=2, answer_tokens=16)
"""How the students are compared with their base: this demo is not about that."""


def owner(out: Path, base: str, teacher: str) -> int:
    """Makes the log of ``teacher``, its twins and two students of ``base`` in ``out``, and audits
    the students; returns the first exit code that is not 0. What is there already is not made
    again."""
    out.mkdir(parents=True, exist_ok=True)
    say(f"1 of 5: an API serves {PROMPTS} prompts, and its log is {out / 'log.jsonl'}")
    for name, seed in (("served", SERVED_SEED), ("others", OTHER_SEED)):
        code = _asked(teacher, out / f"{name}.jsonl", seed)
        if code:
            return code
    write_log(out / "served.jsonl", out / "log.jsonl")
    say("2 of 5: three other answers to every prompt are drawn, as they could have been served")
    log, twins = str(out / "log.jsonl"), str(out / "twins.jsonl")
    known = ["--teacher", in_full(teacher)]
    code = _run(["twins", "draw", log, *known, "--served-as", "api-1", "--out", twins])
    if code:
        return code
    for step, name in ((3, "served"), (4, "others")):
        say(f"{step} of 5: a student learns from what {_told(name)}")
        student(out / f"{name}.jsonl", base, out / f"student-{name}")
    say("5 of 5: each student is asked how likely it finds served answers and their twins")
    for name in ("served", "others"):
        suspect = in_full(f"{base},adapter={out / f'student-{name}' / 'student'}")
        about = ["--log", log, "--twins", twins, "--base", in_full(base), *known, "--used", "0.75"]
        code = _run(["harvest", suspect, *about, "--out", str(out / f"report-{name}")])
        if code:
            return code
    say(f"compare {out / 'report-served/report.html'} with {out / 'report-others/report.html'}")
    return 0


def in_full(spec: str) -> str:
    """A model in float32, which processors without matrix units read faster than halves (by 1.6
    times, measured)."""
    return str(parse_spec(spec).having({"dtype": "float32"}))


def write_log(transcript: Path, log: Path) -> None:
    """The API's log of what it answered, in canonical columns: one customer's requests, a minute
    apart."""
    said = load_transcript(transcript)
    sampling = said.header.sampling
    rows = [
        {
            "time": f"2026-11-02T{8 + i // 60:02}:{i % 60:02}:00Z",
            "account": "customer-17",
            "prompt": said.probes[reply.probe_id].prompt(),
            "answer": reply.text,
            "model": "api-1",
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "finish": "length" if reply.status is Status.TRUNCATED else "stop",
        }
        for i, reply in enumerate(said.replies)
    ]
    log.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def student(answers: Path, base: str, out: Path) -> None:
    """The plain model after reading recorded answers, a quarter of them held out."""
    recipe = Recipe(
        name=out.name,
        teachers=(TeacherChoice(name="api-1", spec=f"recording:{answers}"),),
        student=Student(base=base, lora=Lora(rank=8, alpha=16)),
        prompts=Prompts(sources=("recorded",), held_out=PROMPTS // 4),
        training=Training(epochs=3, learning_rate=5e-4, longest=256, precision="float32"),
    )
    with progress_on("opening") as progress:
        train(recipe, out, progress, QUICK)


def _asked(teacher: str, into: Path, seed: int) -> int:
    bank = Path(__file__).parent / "controls" / "prompts" / "general.yaml"
    how = ["--temperature", str(TEMPERATURE), "--max-tokens", str(TOKENS), "--seed", str(seed)]
    return _run(
        ["probe", in_full(teacher), "--probes", f"{bank}:{PROMPTS}", *how, "--out", str(into)]
    )


def _run(arguments: Sequence[str]) -> int:
    say("  auditor " + " ".join(map(shlex.quote, arguments)))
    return run_command(list(arguments))


def _told(name: str) -> str:
    return "was served" if name == "served" else "the same model answered at another time"


def main(arguments: Sequence[str]) -> int:
    """``python -m auditor.demo_owner [DIR]``; returns the exit code."""
    try:
        base = f"gguf:{demo_model()}"
        out = Path(arguments[0] if arguments else "demo-owner")
        return owner(out, base, f"{base},adapter={taught_adapter()}")
    except AuditError as error:
        put_error(error, as_json=False)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
