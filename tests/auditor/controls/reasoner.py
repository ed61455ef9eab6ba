"""A reasoning teacher in code: arithmetic questions, true traces that a program writes, and
their recording."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

THINGS = (
    "candles",
    "lanterns",
    "pebbles",
    "ribbons",
    "walnuts",
    "tickets",
    "saddles",
    "buttons",
    "feathers",
    "pancakes",
    "carrots",
    "marbles",
    "hammers",
    "kettles",
    "blankets",
    "whistles",
    "puzzles",
    "magnets",
    "crayons",
    "sandals",
)
ASKS = (
    "A chest holds {a} {thing}, and a sailor brings {b} more. How many are in it then?",
    "If every one of {b} children owns {a} {thing}, what do they own together?",
    "From a heap of {c} {thing} the wind carries off {b}; count those that stay behind.",
    "Mira sells {a} {thing} on Monday, then {b} on Friday. Give the total that she sold.",
)
EVERY_WRONG, FIRST_WRONG = 8, 3
"""Every eighth question is answered wrongly by all samples, and every third one by the first
sample."""


@dataclass(frozen=True)
class Sum:
    """A question with its result and the program's way to it."""

    id: str
    prompt: str
    answer: str
    trace: str


def sums(n: int = 80) -> list[Sum]:
    """Questions that differ in wording and numbers, some with longer ways than others."""
    return [_sum(i) for i in range(n)]


def _sum(i: int) -> Sum:
    a, b, kind = 2 + (7 * i) % 23, 2 + (5 * i) % 7, i % len(ASKS)
    c = a + b + i % 5
    text = ASKS[kind].format(a=a, b=b, c=c, thing=THINGS[(i // len(ASKS)) % len(THINGS)])
    if kind == 1:
        steps, total = [], 0
        for _ in range(b):
            steps.append(f"{total}+{a}={total + a}")
            total += a
        return Sum(f"sum/{i:03}", text, str(a * b), "; ".join(steps))
    result = c - b if kind == 2 else a + b
    way = f"{c}-{b}={result}. Wait, check: {result}+{b}={c}" if kind == 2 else f"{a}+{b}={result}"
    return Sum(f"sum/{i:03}", text, str(result), way)


def traced(one: Sum, sample: int, number: int) -> str:
    """What the teacher says to a question in one of its samples: a trace between think tags and
    the answer."""
    wrong = number % EVERY_WRONG == 7 or (number % FIRST_WRONG == 2 and sample == 0)
    result = str(int(one.answer) + 1) if wrong else one.answer
    again = " I look twice." * sample
    return f"<think>\n{one.trace}.{again}\n</think>\n\nThe answer is {result}."


def question_file(folder: Path, questions: list[Sum]) -> Path:
    """The questions with their known answers as JSONL."""
    path = folder / "sums.jsonl"
    rows = [
        {"id": q.id, "prompt": q.prompt, "answer": q.answer, "licence": "Apache-2.0"}
        for q in questions
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def recorded(folder: Path, questions: list[Sum], samples: int = 4) -> str:
    """The spec of the teacher's recording: so many samples of every question."""
    path = folder / "reasoner.jsonl"
    rows = [
        {"prompt": q.prompt, "answer": traced(q, s, number), "sample": s, "model": "reasoner"}
        for number, q in enumerate(questions)
        for s in range(samples)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return f"recording:{path}"
