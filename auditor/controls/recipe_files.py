"""Recipes as YAML: bundled ones by name, others by path, each checked.

Knows files and the form of a recipe; does nothing with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auditor.controls.recipe import Recipe
from fingerprints.errors import UsageProblem, printable
from fingerprints.record_files import RecordFile, bundled_names, bundled_text


def bundled_recipes() -> list[str]:
    """Names of the recipes that ship with the package, in alphabetical order."""
    return bundled_names("auditor", "controls", "recipes")


def load_recipe(name_or_path: str) -> Recipe:
    """A bundled recipe by name (``alpaca``), or one from a YAML file.

    Raises UsageProblem for an unknown name, MalformedInput for a file that is missing or no recipe.
    """
    if name_or_path in bundled_recipes():
        text = bundled_text("auditor", "controls", "recipes", name_or_path)
        return parse_recipe(text, name_or_path)
    path = Path(name_or_path)
    if not path.suffix:
        raise UsageProblem(
            f"no recipe is called {printable(name_or_path, 60)!r}",
            where="RECIPE",
            next_step=f"use one of {', '.join(bundled_recipes())}, or the path of a YAML file",
        )
    return read_recipe(path)


def read_recipe(path: Path) -> Recipe:
    """A recipe from a YAML file. Raises MalformedInput for a file that holds none."""
    return _writable(_FILE.read(path), path)


def parse_recipe(text: str, where: str) -> Recipe:
    """A recipe from YAML text. Raises MalformedInput with the first problem."""
    return _writable(_FILE.parse(text, where), where)


def make_recipe(value: dict[str, Any], where: str = "flags") -> Recipe:
    """A checked recipe from plain values. Raises MalformedInput with the first problem."""
    return _writable(_FILE.checked(value, where), where)


def with_teachers(recipe: Recipe, specs: Sequence[str], vendors: Sequence[str] = ()) -> Recipe:
    """The recipe with teachers' specs (and vendors) from the command line, in order.

    As many specs as the recipe leaves open fill those; as many as it has teachers replace them all.
    Raises UsageProblem for any other number.
    """
    if not specs and not vendors:
        return recipe
    open_ones = [i for i, t in enumerate(recipe.teachers) if not t.spec]
    places = open_ones if len(specs) == len(open_ones) else list(range(len(recipe.teachers)))
    if len(specs) not in (0, len(places)) or len(vendors) > len(recipe.teachers):
        raise UsageProblem(
            f"the recipe {recipe.name!r} has {len(recipe.teachers)} teacher(s), {len(open_ones)}"
            " left open",
            where=f"--teacher given {len(specs)} times, --vendor {len(vendors)} times",
            next_step="give --teacher once for each, or use the recipe `mixture`",
        )
    teachers = list(recipe.teachers)
    for i, spec in zip(places, specs, strict=False):
        teachers[i] = teachers[i].model_copy(update={"spec": spec})
    for i, vendor in enumerate(vendors):
        teachers[i] = teachers[i].model_copy(update={"vendor": vendor})
    return recipe.model_copy(update={"teachers": tuple(teachers)})


def _writable(recipe: Recipe, where: object) -> Recipe:
    """The recipe, unless it holds what no file can."""
    try:
        recipe.digest()
    except ValueError as error:
        raise _FILE.malformed(
            "it holds an infinite number or characters that no UTF-8 file can hold", where
        ) from error
    return recipe


_FILE = RecordFile(
    Recipe,
    "not a recipe",
    "compare it with the bundled recipes (docs/recipes.md)",
    largest=1_000_000,
    form="yaml",
)
