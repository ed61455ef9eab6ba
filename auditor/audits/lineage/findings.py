"""What was found of weights and tokenizers as findings and verdicts."""

from __future__ import annotations

import math
from typing import Any

from auditor.audits.lineage.compared_pair import ComparedPair
from auditor.audits.lineage.judge import OUTCOMES, WORDS
from auditor.audits.lineage.likeness import KINDS
from auditor.audits.lineage.records import WeightComparison
from auditor.audits.lineage.run import Lineages, Tokenizers
from auditor.evidence.records import Finding, Skipped, Verdict
from auditor.reporting.text import LEAST_P, probability
from detectors.lineage.weight_alignment import UnitAgreement
from detectors.measurement import Cell, HeatMap, Table, WhyNot
from detectors.stats.intervals import clopper_pearson
from fingerprints.weights.likeness import TokenizerLikeness

INDEPENDENCE, ALIGNMENT, TOKENIZER = "independence", "weight_alignment", "tokenizer_lineage"
SHOWN = 5
"""Stored models that get a verdict even where they share no order: the nearest."""
NOT_EXACT = (
    "The p-value of the agreement is not exact: it holds for pairs of which up to a tenth of the"
    " units agree by convergence. The most that was seen among unrelated pairs stands in the"
    " benchmarks."
)

_SEEN, _UNSEEN = "A common order was seen.", "No common order was seen."


def findings(found: Lineages) -> tuple[Finding, ...]:
    """One finding a base by the order of units and coordinates, one by agreement where it was
    looked up, one by tokenizer."""
    out = []
    for one in found.judged:
        if one.found is not None and one.told.p is not None:
            out.append(_independence(one.told, one.found))
            if one.found.agreement is not None:
                out.append(_agreement(one.told.base, one.found.agreement))
    out += [_by_signature(t) for t in _shown(found) if t.tests]
    return (
        *out,
        *(_tokenizer(t.base, t.likeness) for t in found.tokenizers if t.likeness is not None),
    )


def skipped(found: Lineages) -> tuple[Skipped, ...]:
    """Why a base was not compared, or its tokenizer."""
    out = [
        not_compared(
            told.base,
            told.reason,
            "not_comparable" if told.reason_code == "other_widths" else "unreadable",
        )
        for told in (j.told for j in found.judged)
        if told.relation == "not_compared"
    ]
    out += [not_compared(o.name, o.reason) for o in found.bases if o.side is None and found.judged]
    out += [
        not_compared(t.base, _no_tokenizer(found, t), detector=TOKENIZER)
        for t in found.tokenizers
        if t.likeness is None
    ]
    return tuple(out)


def _no_tokenizer(found: Lineages, one: Tokenizers) -> str:
    base = next(o for o in found.bases if o.name == one.base)
    lacking = [o.name for o in (found.suspect, base) if o.tokenizer is None]
    return f"no tokenizer can be read beside the weights of {' and '.join(lacking)}"


def not_compared(
    base: str | None, reason: str, code: WhyNot = "unreadable", detector: str = INDEPENDENCE
) -> Skipped:
    """Why a base, or any where there is no name, was not compared."""
    return Skipped(question="lineage", detector=detector, candidate=base, reason=reason, code=code)


def verdicts(found: Lineages) -> tuple[Verdict, ...]:
    """One verdict a base that was compared by weights, and a stored one that shares an order or is
    among the nearest: outcome, words, and the p-value corrected for the number of bases."""
    return tuple(
        _verdict(t, found.alpha) for t in (*(j.told for j in found.judged), *_shown(found))
    )


def _shown(found: Lineages) -> list[WeightComparison]:
    return [t for i, t in enumerate(found.screened) if i < SHOWN or t.relation == "common_origin"]


def _verdict(told: WeightComparison, alpha: float) -> Verdict:
    kinds = f" How one became the other: {'; '.join(told.kinds)}." if told.kinds else ""
    bound = (
        ""
        if told.p_holm is None
        else f"p {p_text(told.p_holm)}, corrected for the number of bases, against {alpha:g}."
    )
    return Verdict(
        question="lineage",
        candidate=told.base,
        outcome=OUTCOMES[told.relation],
        words=WORDS[told.relation],
        p_value=told.p_holm,
        p_single=told.p,
        reason=(told.reason or bound) + kinds,
        reason_code=told.reason_code,
    )


def p_text(p: float) -> str:
    """A p-value for people: "= 0.31", "= 2.4e-07", "< 1e-100"."""
    return p_figure(p) if p < LEAST_P else f"= {p_figure(p)}"


def p_figure(p: float) -> str:
    """A p-value in a cell: "0.31", "2.4e-07", "< 1e-100"."""
    if p < LEAST_P:
        return probability(p)
    return f"{p:.2g}" if p >= 1e-3 else f"{p:.1e}"


def _finding(detector: str, base: str, *, metric_id: str, **fields: Any) -> Finding:
    """A finding about one base: what all of them share is said here."""
    return Finding(
        question="lineage",
        detector=detector,
        candidate=base,
        metric=metric_id,
        metric_id=metric_id,
        level=0.95,
        **{"interval": None, **fields},
    )


def _independence(told: WeightComparison, found: ComparedPair) -> Finding:
    kept = (
        ""
        if found.kept is None
        else f"; {found.kept:.0%} have their nearest one at the very same place"
    )
    return _finding(
        INDEPENDENCE,
        told.base,
        metric_id="order_of_units",
        value=found.rho,
        n=found.units,
        n_unit="hidden units",
        direction=(
            "1: hidden units stand in the base's order; 0: as often in any other; a disguise may"
            " hide an order"
        ),
        interval=_interval(found.rho, found.units),
        summary=(
            f"{_said(told)} {found.units:,} hidden units in {len(found.layers)} layers were looked"
            f" at{kept}."
        ),
        tables=(_tests(told), *_layers(found)),
        heat_maps=_heat(found),
        notes=(EXACT,),
    )


def _by_signature(told: WeightComparison) -> Finding:
    test = told.tests[0]
    return _finding(
        INDEPENDENCE,
        told.base,
        metric_id="order_of_units",
        value=test.effect,
        n=test.n,
        n_unit=test.n_unit,
        direction=(
            "1: hidden units' values stand in the stored model's order; 0: as often in any other"
        ),
        interval=_interval(test.effect, test.n),
        summary=(
            f"By stored signature alone: p {p_text(test.p)} before correction for all stored"
            f" models. {_SEEN if told.relation == 'common_origin' else _UNSEEN}"
        ),
        tables=(_tests(told),),
        notes=(told.reason or BY_SIGNATURE_SEES,),
    )


BY_SIGNATURE_SEES = (
    "A signature keeps values of single units: it finds an order in common, which a common origin"
    " leaves and which can be put there, and not how one became the other."
)


def _said(told: WeightComparison) -> str:
    if told.p is None:
        return ""
    if told.relation == "independent":
        return f"No common origin was seen: p {p_text(told.p)} over all tests."
    if told.relation == "none_found":
        return f"No common origin was found: p {p_text(told.p)} over all tests; one may hide."
    if told.relation == "unclear":
        return f"Whether there is a common origin is open: p {p_text(told.p)} over all tests."
    return f"The weights have a common origin: p {p_text(told.p)} over all tests."


def _interval(rho: float, n: int) -> tuple[float, float] | None:
    """Fisher's z interval of a rank correlation, with Bonett and Wright's standard error (2000)."""
    if n < 4 or abs(rho) >= 1 - 1e-9:
        return None
    z, se = math.atanh(rho), math.sqrt((1 + rho * rho / 2) / (n - 3))
    return math.tanh(z - 1.96 * se), math.tanh(z + 1.96 * se)


def _share_interval(share: float, n: int) -> tuple[float, float]:
    return clopper_pearson(round(share * n), n)


EXACT = (
    "Exact under one assumption: that training treats hidden units, and residual coordinates, all"
    " alike, so that in unrelated models every order was equally likely. The base's and the"
    " suspect's weights may be of any kind. The p-value is the larger one of two: of the order at"
    " large, and of the very places, which sorting by size does not give."
)


def _tests(told: WeightComparison) -> Table:
    rows = tuple(
        (
            t.name,
            p_figure(t.p),
            "exact" if t.exact else "measured",
            t.effect,
            *((_interval if t.exact else _share_interval)(t.effect, t.n) or (None, None)),
            t.n,
            t.n_unit,
        )
        for t in told.tests
    )
    return Table(
        title="Tests",
        columns=("Test", "p", "Kind", "Effect", "Low", "High", "n", "Of"),
        rows=rows,
        caption=(
            "Effect: rank correlation of the nearest ones' order (exact tests), or the share of"
            " units that agree; low and high: its 95 % interval. Overall p: the exact tests by"
            " Šidák, with nine tenths of the allowed false alarms."
        ),
    )


def _layers(found: ComparedPair) -> tuple[Table, ...]:
    if not found.pairings:
        return ()
    rows: list[tuple[Cell, ...]] = [
        (
            *(p.layer, p.of, p.order.rho, *(_interval(p.order.rho, p.order.n) or (None, None))),
            *(p_figure(p.order.p), p.order.kept),
            *((None, None) if p.order.kept is None else _share_interval(p.order.kept, p.order.n)),
            p.order.n,
        )
        for p in found.pairings
    ]
    return (
        Table(
            title="Order of hidden units, layer by layer",
            columns=(
                *("Layer", "Of the base", "Rank correlation", "Low", "High", "p"),
                *("At the same place", "Low share", "High share", "Units"),
            ),
            rows=tuple(rows),
            caption=(
                "Layers are independent of each other under the null hypothesis; together by"
                " Fisher's method. Low and high: 95 % intervals."
            ),
        ),
    )


def _heat(found: ComparedPair) -> tuple[HeatMap, ...]:
    if not found.likeness:
        return ()
    shown = tuple(k for k in KINDS if any(x.cosines[k] is not None for x in found.likeness))
    return (
        HeatMap(
            title="How alike the matrices are",
            corner="Layer",
            columns=shown,
            rows=tuple(
                (
                    f"{x.layer}" if x.layer == x.of else f"{x.layer} on {x.of}",
                    tuple(x.cosines[k] for k in shown),
                )
                for x in found.likeness
            ),
            caption=(
                "Mean cosine of matching rows after alignment; a dash: not looked at. Unrelated"
                " matrices have about 0."
            ),
        ),
    )


def _agreement(base: str, agreed: UnitAgreement) -> Finding:
    return _finding(
        ALIGNMENT,
        base,
        metric_id="agreeing_units",
        value=agreed.share,
        n=agreed.n,
        n_unit="hidden units",
        interval=_share_interval(agreed.share, agreed.n),
        direction=(
            "1: both halves of every unit find the same unit of the base, in whatever order; up to"
            " 0.1 by convergence"
        ),
        summary=(
            f"{agreed.agreeing:,} of {agreed.n:,} hidden units find one and the same unit of the"
            f" base by either half of their weights; by chance {agreed.chance:.1f} would."
        ),
        notes=(NOT_EXACT,),
    )


def _tokenizer(base: str, likeness: TokenizerLikeness | None) -> Finding:
    if likeness is None or likeness.vocabulary_jaccard is None:
        raise ValueError("no tokenizers were compared")
    rows: tuple[tuple[Cell, ...], ...] = (
        ("shared tokens of all", likeness.vocabulary_jaccard, likeness.n_tokens),
        ("shared tokens with one number", likeness.same_ids, likeness.n_shared),
        ("order of shared merges (Kendall's τ)", likeness.merge_tau, likeness.n_merges),
        ("shared special tokens of all", likeness.special_jaccard, likeness.n_special),
        ("shared pieces of the chat template", likeness.template_similarity, None),
    )
    return _finding(
        TOKENIZER,
        base,
        metric_id="shared_vocabulary",
        value=likeness.vocabulary_jaccard,
        n=likeness.n_tokens,
        n_unit="tokens",
        direction=(
            "1: one vocabulary; tokenizers are shared between unrelated models, and say nothing of"
            " weights by themselves"
        ),
        summary=_tokenizer_said(likeness),
        tables=(
            Table(
                title="Tokenizers",
                columns=("What", "Value", "n"),
                rows=rows,
                caption="Counts of whole lists.",
            ),
        ),
    )


def _tokenizer_said(likeness: TokenizerLikeness) -> str:
    share = likeness.vocabulary_jaccard or 0.0
    if share == 1 and likeness.same_ids == 1:
        told = "Both have one vocabulary with the same numbers"
    else:
        told = f"{share:.1%} of all tokens are shared"
    template = {
        True: ", and the same chat template",
        False: ", and different chat templates",
        None: "",
    }
    return f"{told}{template[likeness.template_equal]}. That is no evidence of shared weights."
