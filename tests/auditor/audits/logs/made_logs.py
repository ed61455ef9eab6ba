"""Small logs of known truth: chat accounts, a hydra, a classroom, a popular tool's customers."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2026, 3, 2, tzinfo=UTC)
_WORDS = """
about answer because bicycle calendar castle chemistry coffee contract customer derivative
document evening experiment explain family function garden holiday integral journey kitchen
language letter machine mathematics mountain network optimization password picture polynomial
probability recipe restaurant river science sentence theatre translate university vegetable
"""
WORDS = _WORDS.split()
Row = dict[str, Any]


def words(rng: random.Random, n: int) -> str:
    return " ".join(rng.choices(WORDS, k=n))


def row(account: str, hours: float, prompt: str, **more: Any) -> Row:
    when = START + timedelta(hours=hours)
    told = {"time": when.isoformat(), "account": account, "prompt": prompt}
    return told | {"tokens_in": 40, "tokens_out": 120, "max_tokens": 2048, "finish": "stop"} | more


def chats(n: int, seed: int, days: int = 14, prefix: str = "chat") -> list[Row]:
    """People who ask now and then, by day, each at an address of their own."""
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        for _ in range(rng.randint(6, 30)):
            hours = 24 * rng.randrange(days) + rng.gauss(14, 3) % 24
            rows.append(
                row(
                    f"{prefix}-{i}",
                    hours,
                    words(rng, rng.randint(3, 20)),
                    tokens_out=rng.randint(20, 400),
                    network=f"10.{i // 250}.{i % 250}.7",
                    payment=f"pay-{prefix}-{i}",
                )
            )
    return rows


def hydra(n: int, each: int, seed: int, days: int = 14) -> list[Row]:
    """Accounts that share out one list of questions, around the clock, over few addresses."""
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        for j in range(each):
            prompt = f"Solve problem {i * each + j}: {words(rng, 12)}. Think step by step."
            hours = 24 * days * (j + rng.random() / 4) / each
            more = {"tokens_out": 1500, "network": f"172.16.{i % 2}.9", "payment": f"pay-h-{i}"}
            rows.append(row(f"hydra-{i}", hours, prompt, **more))
    return rows


def classroom(n: int, each: int, seed: int) -> list[Row]:
    """Pupils on one network who are all given the same exercises."""
    rng = random.Random(seed)
    exercises = [f"Solve exercise {k}: {words(rng, 12)}. Think step by step." for k in range(each)]
    return [
        row(f"pupil-{i}", 24 * 3 + 9 + rng.random(), text, network="192.168.5.1")
        for i in range(n)
        for text in exercises
    ]


def tool_users(n: int, each: int, seed: int) -> list[Row]:
    """Customers of a popular tool: its template, their own networks and documents."""
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        for _ in range(each):
            prompt = f"Use the following context to answer: {words(rng, 15)} Helpful answer:"
            hours = 24 * rng.randrange(14) + rng.gauss(14, 4) % 24
            rows.append(row(f"tool-{i}", hours, prompt, network=f"10.99.{i}.2"))
    return rows


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> str:
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    return str(path)
