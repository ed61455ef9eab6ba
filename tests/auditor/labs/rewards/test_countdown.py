"""The countdown task: puzzles that can be solved, and a check that no text can fool, slow down
or break."""

from __future__ import annotations

import ast
import time
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auditor.labs.rewards.countdown import (
    DEEPEST,
    LONGEST,
    Marks,
    Puzzle,
    make_puzzles,
    marks,
    read_equation,
    stated,
)
from fingerprints.errors import UsageProblem

PUZZLE = Puzzle(numbers=(3, 7, 25), target=46, solution="3*7+25")
RIGHT, WRONG, NONE = (
    Marks(format=True, correct=True),
    Marks(format=True, correct=False),
    Marks(format=False, correct=False),
)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("3*7+25", RIGHT),
        ("25 + 7 * 3 = 46", RIGHT),
        ("((25)+(3*7)) = 46\n\n", RIGHT),
        ("I try 7*25. Wait, that is too much.\n3*7+25=46", RIGHT),
        ("<think>3+7=10</think><answer> 3*7+25 </answer> done", RIGHT),
        ("<answer>1+1</answer> no: <answer>3*7+25</answer>", RIGHT),
        ("3*7+25=47", WRONG),
        ("3+7+25", WRONG),
        ("46", WRONG),
        ("40+6 = 46", WRONG),
        ("3*7+25+3-3", WRONG),
        ("3*7+25/(3-3)", WRONG),
        ("3*7+25\nThat is it.", NONE),
        ("3*7+25 = 46 = 46", NONE),
        ("3*7+25 =", NONE),
        ("= 46", NONE),
        ("-3*-7+25", NONE),
        ("3**7", NONE),
        ("3*7+25;", NONE),
        ("(3*7+25", NONE),
        ("3*7+25)", NONE),
        ("3 7 25", NONE),
        ("3.0*7+25", NONE),
        ("３*７+25", NONE),
        ("3*7+2\u00b2", NONE),
        ("__import__('os').system('true')", NONE),
        ("", NONE),
    ],
)
def test_an_answer_earns_what_its_last_line_is_worth(answer: str, expected: Marks) -> None:
    assert marks(PUZZLE, answer) == expected


def test_rewards_name_their_parts_and_sum_to_one_at_most() -> None:
    assert PUZZLE.rewards("3*7+25") == {"format": 0.1, "correct": 0.9}
    assert PUZZLE.rewards("3+7") == {"format": 0.1, "correct": 0.0}
    assert PUZZLE.rewards("forty-six") == {"format": 0.0, "correct": 0.0}


def test_a_fraction_on_the_way_is_exact() -> None:
    assert (
        marks(Puzzle(numbers=(1, 3, 4, 6), target=24, solution="6/(1-3/4)"), "6/(1-3/4) = 24")
        == RIGHT
    )
    found = read_equation("1/3 + 1/3 + 1/3")
    assert found is not None
    assert found.value == 1


def test_precedence_and_order_are_those_of_arithmetic() -> None:
    for text in ("2+3*4-5", "8/4/2", "8-4-2", "2*(3+4)*5", "7-(2-(1-9))/3", "1/2/3*6"):
        found = read_equation(text)
        assert found is not None
        assert found.value == Fraction(eval(text.replace("/", "*F(1)/"), {"F": Fraction}))


def test_caps_on_length_depth_and_digits_hold_at_their_edge() -> None:
    assert read_equation("(" * DEEPEST + "1" + ")" * DEEPEST) is not None
    assert read_equation("(" * (DEEPEST + 1) + "1" + ")" * (DEEPEST + 1)) is None
    assert read_equation("(1)+" * (DEEPEST + 1) + "1") is not None  # side by side is not depth
    assert read_equation("1" + " " * (LONGEST - 1)) is not None
    assert read_equation("1" + " " * LONGEST) is None
    assert read_equation("999999") is not None
    assert read_equation("1000000") is None


@pytest.mark.parametrize(
    "unit", ["(", "1+", "9*", "<answer>", "\n", " ", "=", "1/", "9", "<answer>9*\n"]
)
def test_a_megabyte_of_anything_is_read_at_once(unit: str) -> None:
    text = unit * (4_000_000 // len(unit))
    begun = time.perf_counter()
    marks(PUZZLE, text)
    assert time.perf_counter() - begun < 1.0


@settings(max_examples=300, deadline=None)
@example("\ud800")
@example("1/0/0*0=0")
@given(st.one_of(st.text(), st.text(alphabet="0123456789+-*/()= \n<answer>²٣", max_size=200)))
def test_no_text_raises(text: str) -> None:
    found = marks(PUZZLE, text)
    assert found.format or not found.correct
    assert found.format == (read_equation(stated(text)) is not None)


def expressions() -> st.SearchStrategy[str]:
    leaf = st.integers(0, 999).map(str)

    def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        three = st.tuples(inner, st.sampled_from("+-*/"), inner)
        return three.map(lambda t: f"({t[0]} {t[1]}{t[2]})")

    return st.recursive(leaf, joined, max_leaves=6)


@settings(max_examples=200, deadline=None)
@given(expressions())
def test_an_expression_is_worth_what_python_makes_of_it(text: str) -> None:
    found = read_equation(text)
    assert found is not None
    assert found.value == reference(ast.parse(text, mode="eval").body)


def reference(node: ast.expr) -> Fraction | None:
    """The value by Python's own parser; None where it divides by zero."""
    if isinstance(node, ast.Constant):
        return Fraction(node.value)  # type: ignore[arg-type]
    assert isinstance(node, ast.BinOp)
    left, right = reference(node.left), reference(node.right)
    if left is None or right is None or (isinstance(node.op, ast.Div) and right == 0):
        return None
    sums = {ast.Add: left + right, ast.Sub: left - right, ast.Mult: left * right}
    return left / right if isinstance(node.op, ast.Div) else sums[type(node.op)]


@pytest.mark.parametrize("numbers", [1, 2, 3, 4, 6])
def test_every_puzzle_made_has_the_solution_it_says(numbers: int) -> None:
    made = make_puzzles(25, seed=3, numbers=numbers, largest=40)
    assert all(p.rewards(p.solution)["correct"] > 0 for p in made)
    assert all(len(p.numbers) == numbers and 1 <= p.target <= 99 for p in made)
    assert len({(tuple(sorted(p.numbers)), p.target) for p in made}) == 25


def test_all_four_operations_occur_in_solutions() -> None:
    said = "".join(p.solution for p in make_puzzles(100, seed=0))
    assert all(sign in said for sign in "+-*/")


def test_a_seed_makes_the_same_puzzles_and_another_seed_others() -> None:
    assert make_puzzles(30, seed=1) == make_puzzles(30, seed=1)
    assert make_puzzles(30, seed=1)[:10] == make_puzzles(10, seed=1)
    assert make_puzzles(30, seed=1) != make_puzzles(30, seed=2)


def test_more_puzzles_than_there_are_is_one_clear_line() -> None:
    assert len(make_puzzles(9, seed=0, numbers=1, largest=9)) == 9
    with pytest.raises(UsageProblem, match="only 9 different puzzles found of 10"):
        make_puzzles(10, seed=0, numbers=1, largest=9)
    with pytest.raises(UsageProblem, match="no such countdown"):
        make_puzzles(1, seed=0, numbers=0)
