"""Recipes as YAML: the bundled ones by name, others by path, each checked, with one line for what
is wrong.

Knows files and the form of a recipe; does nothing with it.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from auditor.controls.recipe import Recipe
from fingerprints.errors import MalformedInput, UsageProblem, printable

LARGEST_FILE = 1_000_000


def bundled_recipes() -> list[str]:
    """Names of the recipes that ship with the package, in alphabetical order."""
    folder = resources.files("auditor") / "controls" / "recipes"
    return sorted(
        entry.name.removesuffix(".yaml")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    )


def load_recipe(name_or_path: str) -> Recipe:
    """A bundled recipe by name (``alpaca``), or one from a YAML file.

    Raises UsageProblem for an unknown name, MalformedInput for a file that is missing or no recipe.
    """
    if name_or_path in bundled_recipes():
        text = (
            resources.files("auditor") / "controls" / "recipes" / f"{name_or_path}.yaml"
        ).read_text("utf-8")
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
    """A recipe from a YAML file. Raises MalformedInput for a file that is missing, too large or
    no recipe."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise MalformedInput(
                f"larger than {LARGEST_FILE:,} bytes",
                where=path,
                next_step="a recipe is a short file",
            )
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise MalformedInput(
            f"can't be read: {reason}", where=path, next_step="check the recipe's path"
        ) from error
    return parse_recipe(text, str(path))


def parse_recipe(text: str, where: str) -> Recipe:
    """A recipe from YAML text. Raises MalformedInput with the first problem."""
    try:
        value: Any = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _bad("not YAML", where) from error
    if not isinstance(value, dict):
        raise _bad("it is no mapping", where)
    return make_recipe(value, where)


def make_recipe(value: dict[str, Any], where: str = "flags") -> Recipe:
    """A checked recipe from plain values. Raises MalformedInput with the first problem, its
    place named."""
    try:
        recipe = Recipe.model_validate(value)
        recipe.digest()  # refuses what no file can hold: infinities, lone surrogates
        return recipe
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        known = (
            "unknown key"
            if first["type"] == "extra_forbidden"
            else first["msg"].removeprefix("Value error, ")
        )
        raise _bad(f"{place}: {known}" if place else known, where) from error
    except ValueError as error:
        raise _bad(
            "it holds an infinite number or characters that no UTF-8 file can hold", where
        ) from error


def _bad(reason: str, where: str) -> MalformedInput:
    return MalformedInput(
        f"not a recipe: {printable(reason, 200)}",
        where=where,
        next_step="compare it with the bundled recipes (docs/recipes.md)",
    )
