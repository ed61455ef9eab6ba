"""Layers and experts are told by numbers that count them, wherever these stand in names."""

from __future__ import annotations

from fingerprints.weights.numbered import MOST_NUMBERS, by_expert, by_layer


def test_the_number_that_counts_most_names_counts_layers() -> None:
    names = [f"a{i}.{word}{w}" for i in range(5) for word in ("x", "y") for w in (1, 2, 3)]
    found = by_layer([*names, "table", "end"])
    assert found is not None
    assert len(found.layers) == 5
    assert sorted(found.layers[3].values()) == [n for n in names if n.startswith("a3")]
    assert found.outside == ("table", "end")
    assert {frozenset(layer) for layer in found.layers} == {frozenset(found.layers[0])}


def test_layers_may_count_from_one_and_stand_behind_the_role() -> None:
    found = by_layer([f"role_{word}_{i:03d}" for i in range(1, 4) for word in "ab"])
    assert found is not None
    assert [sorted(layer.values()) for layer in found.layers] == [
        [f"role_{word}_{i:03d}" for word in "ab"] for i in (1, 2, 3)
    ]


def test_experts_stand_within_layers_and_a_config_tells_which_number_is_which() -> None:
    names = [f"l.{i}.e.{k}.w" for i in range(3) for k in range(8)]
    found = by_layer(names, told=3)
    assert found is not None
    assert len(found.layers) == 3
    assert [len(some) for some in by_expert(found.layers[0].values()).values()] == [8]


def test_numbers_with_a_gap_or_twice_count_nothing() -> None:
    assert by_layer(["a0", "a2", "b0", "b2"]) is None
    assert by_layer(["a0", "a00", "b"]) is None
    assert by_layer(["only", "words"]) is None


def test_a_name_of_thousands_of_numbers_costs_as_much_as_one_of_a_few() -> None:
    assert by_layer(["1." * 50_000]) is None
    assert by_layer([f"{'x1' * MOST_NUMBERS}.{i}" for i in range(3)]) is None
