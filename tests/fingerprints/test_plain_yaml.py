"""YAML of plans: nothing lost to a second key, nothing without end behind an alias."""

from __future__ import annotations

import pytest
import yaml

from fingerprints.plain_yaml import NotPlain, plain_yaml


def test_plain_values_and_aliases_are_read_as_written() -> None:
    text = "a: &some {b: 1, c: [x, 2.5]}\nd: *some\ne: {<<: *some, b: 2}\n"
    assert plain_yaml(text) == yaml.safe_load(text)
    assert plain_yaml("") is None


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "x: [{y: 1, y: 1}]"])
def test_a_key_that_is_there_twice_is_refused(text: str) -> None:
    with pytest.raises(NotPlain, match="twice"):
        plain_yaml(text)


def test_aliases_of_aliases_are_refused_before_anything_walks_them() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    with pytest.raises(NotPlain, match="too much"):
        plain_yaml("\n".join(lines))


def test_an_alias_within_what_it_names_is_refused() -> None:
    with pytest.raises(NotPlain, match="within"):
        plain_yaml("a: &a [1, *a]")
