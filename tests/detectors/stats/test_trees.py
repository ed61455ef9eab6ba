"""Trees from distances, against published worked examples and trees that must come back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors.stats.tree_forms import hung_at_midpoint, newick
from detectors.stats.trees import Tree, average_linkage, neighbour_joining, supports

Array = NDArray[np.float64]

# Five taxa a to e: the worked example of the Wikipedia article "Neighbor joining", as many courses
# give it.
FIVE = np.array(
    [[0, 5, 9, 9, 8], [5, 0, 10, 10, 9], [9, 10, 0, 8, 7], [9, 10, 8, 0, 3], [8, 9, 7, 3, 0]],
    dtype=float,
)
# The eight OTUs of Saitou and Nei 1987, table 1; joined as in their figure 3.
EIGHT_LOWER = [
    [7],
    [8, 5],
    [11, 8, 5],
    [13, 10, 7, 8],
    [16, 13, 10, 11, 5],
    [13, 10, 7, 8, 6, 9],
    [17, 14, 11, 12, 10, 13, 8],
]


def full(lower: list[list[float]]) -> Array:
    d = np.zeros((len(lower) + 1, len(lower) + 1))
    for i, row in enumerate(lower, 1):
        d[i, :i] = row
    return d + d.T


def grown(n: int, seed: int) -> Tree:
    """A random tree with edges of at least 0.1."""
    rng = np.random.default_rng(seed)
    parents, lengths = [-1] * (2 * n - 2), [0.0] * (2 * n - 2)
    nodes = list(range(n))
    for new in range(n, 2 * n - 3):
        for _ in range(2):
            node = nodes.pop(int(rng.integers(len(nodes))))
            parents[node], lengths[node] = new, 0.1 + float(rng.random())
        nodes.append(new)
    for node in nodes:
        parents[node], lengths[node] = 2 * n - 3, 0.1 + float(rng.random())
    return Tree(n, tuple(parents), tuple(lengths), rooted=False)


def test_the_classical_example_of_five_taxa_has_its_published_edges() -> None:
    tree = neighbour_joining(FIVE)
    assert set(tree.splits().values()) == {frozenset({2, 3, 4}), frozenset({3, 4})}
    assert tree.lengths[:5] == pytest.approx((2, 3, 4, 2, 1))
    inner = {split: tree.lengths[node] for node, split in tree.splits().items()}
    assert inner == pytest.approx({frozenset({2, 3, 4}): 3, frozenset({3, 4}): 2})
    assert newick(tree, list("abcde"), {}) == "(((a:2,b:3):3,c:4):2,d:2,e:1);"


def test_the_eight_units_of_saitou_and_nei_are_joined_as_in_their_paper() -> None:
    tree = neighbour_joining(full(EIGHT_LOWER))
    wanted = [{1, 2}, {5, 6}, {1, 2, 3}, {1, 2, 3, 4}, {7, 8}]
    everybody = frozenset(range(8))
    found = {s if 0 in s else everybody - s for s in tree.splits().values()}
    assert {
        frozenset(i - 1 for i in w) if 1 in w else everybody - frozenset(i - 1 for i in w)
        for w in wanted
    } == found
    assert tree.lengths[:8] == pytest.approx((5, 2, 1, 3, 1, 4, 2, 6))
    assert tree.between() == pytest.approx(full(EIGHT_LOWER))


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 25), st.integers(0, 10**6))
def test_every_additive_matrix_is_recovered_exactly(n: int, seed: int) -> None:
    tree = grown(n, seed)
    found = neighbour_joining(tree.between())
    assert set(found.splits().values()) == set(tree.splits().values())
    assert found.between() == pytest.approx(tree.between())


def test_the_order_of_the_leaves_does_not_change_the_tree() -> None:
    tree = grown(12, 3)
    order = np.random.default_rng(0).permutation(12)
    found = neighbour_joining(tree.between()[np.ix_(order, order)])
    assert found.between() == pytest.approx(tree.between()[np.ix_(order, order)])


def test_average_linkage_gives_the_published_example_of_five_bacteria() -> None:
    # 5S ribosomal RNA distances of the Wikipedia article "UPGMA": dendrogram heights 8.5, 11, 14
    # and 16.5.
    d = np.array(
        [
            [0, 17, 21, 31, 23],
            [17, 0, 30, 34, 21],
            [21, 30, 0, 28, 39],
            [31, 34, 28, 0, 43],
            [23, 21, 39, 43, 0],
        ]
    )
    tree = average_linkage(d)
    assert set(tree.splits().values()) == {
        frozenset({0, 1}),
        frozenset({0, 1, 4}),
        frozenset({2, 3}),
    }
    assert tree.between()[0, [1, 4, 2]] == pytest.approx([17, 22, 33])
    assert newick(tree, list("abcde"), {}) == "(((a:8.5,b:8.5):2.5,e:11):5.5,(c:14,d:14):2.5);"


def test_negative_edges_are_set_to_nothing_and_distances_of_equals_are_a_star() -> None:
    skewed = np.array([[0, 1, 9, 9], [1, 0, 1, 9], [9, 1, 0, 1], [9, 9, 1, 0]], dtype=float)
    assert min(neighbour_joining(skewed).lengths) >= 0
    equal = neighbour_joining(np.ones((6, 6)) - np.eye(6))
    assert equal.between() == pytest.approx(np.ones((6, 6)) - np.eye(6))


def test_a_split_is_supported_by_the_share_of_replicates_that_hold_it() -> None:
    tree = neighbour_joining(FIVE)
    other = neighbour_joining(FIVE[np.ix_([0, 2, 1, 3, 4], [0, 2, 1, 3, 4])])
    found = supports(tree, [tree, other, tree, tree])
    assert found == {frozenset({2, 3, 4}): 0.75, frozenset({3, 4}): 1.0}
    assert supports(tree, []) == {}


def test_a_tree_hung_from_its_middle_is_the_same_tree_with_both_ends_of_its_longest_path_equally_deep() -> (
    None
):
    for seed in range(10):
        tree = grown(9, seed)
        hung = hung_at_midpoint(tree)
        assert hung.between() == pytest.approx(tree.between())
        assert set(hung.splits().values()) == set(tree.splits().values())
        depth = [
            sum(hung.lengths[node] for node, leaves in enumerate(hung.below()) if leaf in leaves)
            for leaf in range(9)
        ]
        assert max(depth) == pytest.approx(tree.between().max() / 2)
        assert sorted(depth)[-2] == pytest.approx(max(depth))


def test_hanging_equal_models_is_possible() -> None:
    assert hung_at_midpoint(neighbour_joining(np.zeros((4, 4)))).between() == pytest.approx(
        np.zeros((4, 4))
    )


def test_a_hostile_name_stays_one_label() -> None:
    told = newick(
        neighbour_joining(FIVE),
        ["a'b", "c(d,e);", "f\ng\u202e", "plain1", ""],
        {frozenset({3, 4}): 0.97},
    )
    assert told == "((('a''b':2,'c(d,e);':3):3,'f g ':4)97:2,plain1:2,'':1);"


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 2)), np.ones((3, 3)), np.full((3, 3), np.nan), [[0, 1], [1, 0], [1, 1]]]
)
def test_what_is_no_matrix_of_distances_is_refused(bad: Array) -> None:
    for method in (neighbour_joining, average_linkage):
        with pytest.raises(ValueError, match=r"distances|leaves"):
            method(bad)
