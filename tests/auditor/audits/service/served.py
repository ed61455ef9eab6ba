"""An invented service behind an HTTP address: a chain of words that may change, die, run hot or
misreport on the way."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.detectors.services import WORDS, Chain, words_of
from tests.faultserver import Behaviour, Exchange, completion

SEED = 5
Lie = Callable[[int, dict[str, Any]], dict[str, Any]]


def honest(number: int, body: dict[str, Any]) -> dict[str, Any]:
    """The answer as it is."""
    return body


def prompt_tokens(text: str) -> int:
    """What the chain's tokenizer counts."""
    return len(text) % 11 + 5


def speaks(
    models: Callable[[int], Chain],
    lie: Lie = honest,
    dies_at: int | None = None,
    answered: Counter[int] | None = None,
) -> Behaviour:
    """Call n is answered by ``models(n)``, and told as ``lie`` makes it; from ``dies_at`` on the
    caller is refused.

    A question's k-th answer is drawn by the question and k alone: calls that overlap may come in
    any order, and a service that is handed another's ``answered`` (how often it answered each) goes
    on where that one died.
    """
    lock, calls = threading.Lock(), itertools.count()
    given = Counter[int]() if answered is None else answered

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        prompt = body["messages"][-1]["content"]
        question = int(prompt.rstrip(".").rpartition(" ")[2])
        with lock:
            number, turn = next(calls), given[question]
            dead = dies_at is not None and number >= dies_at
            given[question] += not dead
        text = words_of(
            np.random.default_rng((SEED, question, turn)), models(number), question % len(WORDS)
        )
        if dead:
            exchange.send(401, json.dumps({"error": {"message": "gone"}}).encode())
            return
        usage = {"prompt_tokens": prompt_tokens(prompt), "completion_tokens": 5}
        exchange.send(
            200, json.dumps(lie(number, completion(text, finish="length", usage=usage))).encode()
        )

    return behave


def counts(words: int) -> Behaviour:
    """A question's k-th answer is the number k, up to ``words`` of them in turn."""
    lock, given = threading.Lock(), Counter[str]()

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        prompt = body["messages"][-1]["content"]
        with lock:
            turn = given[prompt]
            given[prompt] += 1
        exchange.send(200, json.dumps(completion(f"Number {turn % words}.")).encode())

    return behave
