"""A suspect against a store of signatures: thousands of bases without their weights, by what a signature keeps of them.

The nearest are looked at, and nearness knows the order of units: p-values are raised for all stored models, as if each one
had been tested.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.evidence import WeightComparison, WeightTest
from detectors.independence import FEWEST, Order, bends, fisher, profile_order
from fingerprints.weights.bases import BaseStore, Candidate
from fingerprints.weights.signature import WeightSignature

LOOKED_AT = 25
"""Stored models that are looked at closely, the nearest by sorted values first."""


def screened(suspect: WeightSignature, store: BaseStore, alpha: float, skip: Sequence[str] = ()) -> list[WeightComparison]:
    """The stored models nearest to a suspect, each with the exact test of unit order, Bonferroni-corrected over all stored.

    ``skip`` names models that were compared by their weights. Raises StoreIntegrity for a damaged store.
    """
    found = [c for c in store.screen(suspect, LOOKED_AT) if c.name not in skip]
    tested = [(c, unit_order(suspect, c.signature)) for c in found]
    return [_told(c, orders, len(store.names()), alpha) for c, orders in tested]


def unit_order(one: WeightSignature, other: WeightSignature) -> tuple[list[Order], list[Order]]:
    """The test of unit order for every layer that both can be compared in, as it is, and free of trends; empty where their
    layers have no equal widths, or too few units."""
    whole, local = list[Order](), list[Order]()
    for layer, of in enumerate(layer_map(one, other)):
        if one.facts.units[layer] != other.facts.units[of] or one.facts.kept[layer] < 3 * FEWEST:
            continue
        mine, theirs = one.layer(layer).astype(np.float64).T, other.layer(of).astype(np.float64).T
        whole.append(profile_order(mine, theirs))
        local.append(profile_order(bends(mine), bends(theirs)))
    return whole, local


def layer_map(one: WeightSignature, other: WeightSignature) -> list[int]:
    """For each of the one model's layers, the nearest of the other's by sorted values; by number where both have as many."""
    if one.facts.layers == other.facts.layers:
        return list(range(one.facts.layers))
    a, b = (s.quantiles.astype(np.float64).reshape(s.facts.layers, -1) for s in (one, other))
    distance = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
    return [int(k) for k in distance.argmin(axis=1)]


def _told(candidate: Candidate, tested: tuple[list[Order], list[Order]], stored: int, alpha: float) -> WeightComparison:
    facts = {"rank in the store": f"{candidate.rank} of {stored:,}"}
    bare = WeightComparison(
        base=candidate.name, spec=f"signature:{candidate.name}", relation="not_compared", facts=facts, reason=OTHER_WIDTHS
    )
    if not tested[0]:
        return bare
    orders, local = tested
    # The larger one: sorting units by their size would give an order at large to strangers too.
    trend = fisher([o.p for o in orders])
    p = max(trend, fisher([o.p for o in local]))
    p_holm = min(1.0, p * stored)
    test = WeightTest(
        name="order of hidden units, by signature",
        p=p,
        exact=True,
        effect=float(np.mean([o.rho for o in orders])),
        effect_name="mean rank correlation of units' values",
        n=sum(o.n for o in orders),
        n_unit="hidden units",
    )
    kin = p_holm < alpha
    return bare.model_copy(
        update={
            "relation": "common_origin" if kin else "unclear",
            "p": p,
            "p_holm": p_holm,
            "tests": (test,),
            "kinds": (BY_SIGNATURE,) if kin else (),
            "reason": "" if kin else (SORTED if min(1.0, trend * stored) < alpha else NOT_SEEN),
        }
    )


OTHER_WIDTHS = "its layers have other widths: a signature can't be compared; give its weights"
BY_SIGNATURE = "by signature alone: give its weights to learn how one became the other"
SORTED = "an order was seen at large and not in the very places, as sorting units by a property leaves it: its weights see more"
NOT_SEEN = "no common order was seen by signature; units in another order would hide one: its weights see more"
