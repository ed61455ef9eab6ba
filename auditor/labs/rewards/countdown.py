"""The countdown task: reach a target from numbers with + - * /, each used once.

What a model is rewarded for when no teacher speaks to it: the check is arithmetic, so whoever
learns from it learns no one's answers. Countdown is what TinyZero trained on: reinforcement
learning without a teacher, for about 30 dollars. From memory, and not checked here: 3 or 4 numbers
a puzzle, a Qwen2.5 base of 3 billion parameters, PPO by the veRL library, and a reward of 0.1 for
the form and 1 for the right equation. The rewards below are in that proportion; the prompt is our
own and shorter.

Knows puzzles and equations; knows nothing of models. A model's text is never evaluated: it is read
by the small parser here, in time linear in its length, with caps on the equation's length, depth
and numbers.
"""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from fingerprints.errors import UsageProblem
from fingerprints.records import Record

LONGEST = 160
"""Characters of an equation; a longer line is none."""
DEEPEST = 12
"""Brackets within brackets."""
DIGITS = 6
"""Digits of a number."""
FORMAT, CORRECT = 0.1, 0.9
"""What the form of an answer is worth, and what its being right adds: 1 together."""
OPEN_TAG, CLOSE_TAG = "<answer>", "</answer>"
_FIGURES = frozenset("0123456789")
# Misses in a row, by number in a puzzle, after which there are hardly more to find.
_TRIES = 200
_SIGNS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}

Natural = Annotated[int, Field(ge=0, lt=10**DIGITS)]


class Marks(Record):
    """How one answer did: is it one equation, and does it solve the puzzle?"""

    format: bool
    correct: bool


class Equation(Record):
    """An expression that was read: its numbers from left to right, its value, and its claim.

    ``value`` is None where it divides by zero, ``claimed`` None where there is no ``= number``
    after it.
    """

    numbers: tuple[int, ...]
    value: Fraction | None
    claimed: int | None


class Puzzle(Record):
    """One puzzle. ``solution`` reaches the target, and is never shown to the model."""

    numbers: Annotated[tuple[Natural, ...], Field(min_length=1, max_length=8)]
    target: Natural
    solution: str

    @property
    def prompt(self) -> str:
        """What the model is asked.

        >>> Puzzle(numbers=(3, 7, 25), target=46, solution="3*7+25").prompt
        'Numbers: 3 7 25. Reach 46. Write one equation.'
        """
        given = " ".join(map(str, self.numbers))
        return f"Numbers: {given}. Reach {self.target}. Write one equation."

    def rewards(self, answer: str) -> Mapping[str, float]:
        """What an answer earns, by component; their sum is 0 to 1. Never raises."""
        found = marks(self, answer)
        return {"format": FORMAT * found.format, "correct": CORRECT * found.correct}


def marks(puzzle: Puzzle, answer: str) -> Marks:
    """Whether an answer has the form and is right: every number once, the target exactly.

    Linear in the answer's length; never raises, whatever the text.

    >>> puzzle = Puzzle(numbers=(3, 7, 25), target=46, solution="3*7+25")
    >>> marks(puzzle, "Let me see. Wait.\\n25 + 3*7 = 46")
    Marks(format=True, correct=True)
    """
    equation = read_equation(stated(answer))
    if equation is None:
        return Marks(format=False, correct=False)
    used = sorted(equation.numbers) == sorted(puzzle.numbers)
    honest = equation.claimed in (None, puzzle.target)
    return Marks(format=True, correct=used and honest and equation.value == puzzle.target)


def stated(answer: str) -> str:
    """The part of an answer that counts: in its last ``<answer>`` tag, else its last line."""
    _, tag, inside = answer.rpartition(OPEN_TAG)
    if tag:
        return inside.partition(CLOSE_TAG)[0].strip()
    return answer.rstrip().rpartition("\n")[2].strip()


def read_equation(text: str) -> Equation | None:
    """An expression of whole numbers, + - * / and brackets, and any ``= number``; else None.

    There is no sign before a number, and no digit but 0 to 9. Never raises, whatever the text; the
    value is exact.

    >>> read_equation("(8-2)/4 = 2")
    Equation(numbers=(8, 2, 4), value=Fraction(3, 2), claimed=2)
    """
    if len(text) > LONGEST:
        return None
    left, sign, right = text.partition("=")
    reading = _Reading(left)
    try:
        value = reading.whole()
        claimed = _Reading(right).lone_number() if sign else None
    except _NoEquation:
        return None
    return Equation(numbers=tuple(reading.numbers), value=value, claimed=claimed)


def make_puzzles(
    n: int, seed: int, numbers: int = 3, largest: int = 25, highest: int = 99
) -> list[Puzzle]:
    """``n`` different puzzles that have a solution, the same under the same arguments.

    Each has ``numbers`` numbers of 1 to ``largest`` and a target of 1 to ``highest``; the
    solution's intermediate results are whole and positive. Raises UsageProblem where there are
    hardly so many, or the arguments make no puzzle.
    """
    if not (
        n >= 0 and 1 <= numbers <= 8 and 1 <= largest < 10**DIGITS and 1 <= highest < 10**DIGITS
    ):
        raise UsageProblem(
            "no such countdown puzzles",
            where="countdown",
            next_step="ask for 1 to 8 numbers, all bounds 1 to 999999",
        )
    draw, made = random.Random(f"countdown/{seed}"), dict[tuple[int, ...], Puzzle]()
    misses = 0
    while len(made) < n:
        given, target, solution = _attempt(draw, numbers, largest)
        key = (*sorted(given), target)
        fresh = target <= highest and key not in made
        misses = 0 if fresh else misses + 1
        if fresh:
            made[key] = Puzzle(numbers=given, target=target, solution=solution)
        if misses > _TRIES * (numbers + 1):
            raise UsageProblem(
                f"only {len(made)} different puzzles found of {n} asked for",
                where="countdown",
                next_step="ask for fewer, or for larger numbers and targets",
            )
    return list(made.values())


def _attempt(draw: random.Random, numbers: int, largest: int) -> tuple[tuple[int, ...], int, str]:
    """Numbers, the target that joining them at random comes to, and how it came about."""
    given = tuple(draw.randint(1, largest) for _ in range(numbers))
    parts = [(value, str(value)) for value in given]
    while len(parts) > 1:
        one, other = (parts.pop(draw.randrange(len(parts))) for _ in range(2))
        parts.append(_joined(draw, max(one, other), min(one, other)))
    return given, *parts[0]


def _joined(draw: random.Random, high: tuple[int, str], low: tuple[int, str]) -> tuple[int, str]:
    """One operation on two parts, the larger first, of those that leave a whole positive number."""
    (a, said_a), (b, said_b) = high, low
    results = {"+": a + b, "*": a * b}
    if a > b:
        results["-"] = a - b
    if a % b == 0:
        results["/"] = a // b
    sign = draw.choice(sorted(results))
    return results[sign], f"{_bracketed(said_a)}{sign}{_bracketed(said_b)}"


def _bracketed(said: str) -> str:
    return said if said.isdigit() else f"({said})"


class _NoEquation(ValueError):
    """The text is not an equation."""


class _Reading:
    """Recursive descent over one expression, each character once; fills ``numbers``.

    ::

        whole  = sum
        sum    = product { ("+" | "-") product }
        product = atom { ("*" | "/") atom }
        atom   = digits | "(" sum ")"

    A value of None has divided by zero, and stays None.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self.numbers: list[int] = []

    def whole(self) -> Fraction | None:
        """The value of all the text."""
        value = self._sum()
        self._end()
        return value

    def lone_number(self) -> int:
        """The one number that the text is."""
        value = self._number()
        self._end()
        return value

    def _sum(self) -> Fraction | None:
        value = self._product()
        while (sign := self._peek()) in ("+", "-"):
            self._at += 1
            value = _apply(sign, value, self._product())
        return value

    def _product(self) -> Fraction | None:
        value = self._atom()
        while (sign := self._peek()) in ("*", "/"):
            self._at += 1
            value = _apply(sign, value, self._atom())
        return value

    def _atom(self) -> Fraction | None:
        if self._peek() != "(":
            self.numbers.append(self._number())
            return Fraction(self.numbers[-1])
        self._depth += 1
        if self._depth > DEEPEST:
            raise _NoEquation
        self._at += 1
        value = self._sum()
        if self._peek() != ")":
            raise _NoEquation
        self._at += 1
        self._depth -= 1
        return value

    def _number(self) -> int:
        self._peek()
        start = self._at
        while self._text[self._at : self._at + 1] in _FIGURES:
            self._at += 1
        if not 1 <= self._at - start <= DIGITS:
            raise _NoEquation
        return int(self._text[start : self._at])

    def _peek(self) -> str:
        """The next character that is no blank; nothing at the end."""
        while self._text[self._at : self._at + 1] == " ":
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _end(self) -> None:
        if self._peek():
            raise _NoEquation


def _apply(sign: str, a: Fraction | None, b: Fraction | None) -> Fraction | None:
    if a is None or b is None or (sign == "/" and b == 0):
        return None
    return _SIGNS[sign](a, b)
