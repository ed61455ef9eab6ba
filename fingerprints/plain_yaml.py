"""YAML as people write plans: no key twice, and no more than a plan's worth behind its aliases.

A key that is written twice would lose what the first one said; aliases of aliases stand for more
than any machine holds, in a few lines.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import yaml

from fingerprints.errors import printable

MOST_NODES = 200_000
"""Keys and values that a text may stand for, aliases counted as often as they are used."""


class NotPlain(yaml.YAMLError):
    """YAML, and yet no plan: ``what`` says why."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def plain_yaml(text: str) -> Any:
    """The plain values of a text. Raises NotPlain for a key that is there twice and for too much
    behind aliases, another yaml.YAMLError for no YAML, RecursionError for what is nested without
    end."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > MOST_NODES:
            raise NotPlain("its aliases stand for too much")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """How many nodes one stands for. Raises NotPlain for a key that is there twice, and for an
    alias within what it names."""
    if id(node) in known:
        if not known[id(node)]:
            raise NotPlain("an alias stands within what it names")
        return known[id(node)]
    known[id(node)] = 0
    below: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((key for key, n in Counter(keys).items() if n > 1), None)
        if twice is not None:
            raise NotPlain(f"the key {printable(str(twice), 40)!r} is there twice")
        below = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        below = node.value
    known[id(node)] = 1 + sum(_size(part, known) for part in below)
    return known[id(node)]
