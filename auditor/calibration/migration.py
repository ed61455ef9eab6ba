"""A migration: calibrations of the format ``calibration/1``, which joined on the sentence that a
report printed beside a number, read as ``calibration/2``, which joins on the number's id.

Knows the old sentences; nothing else may. A sentence that never was a detector's of ours gets the
empty id, by which a plug-in with one number is known.
"""

from __future__ import annotations

from typing import Any

OLD, NEW = "calibration/1", "calibration/2"
IDS = {
    "claim_rate": "claim_rate",
    "other_vendor_rate": "other_vendor_rate",
    "share of answers nearest to the candidate's, less the share expected": "nearest_share_excess",
    "shift of the maker's share, bits": "maker_share_shift_bits",
    "log2 share of the maker's name": "maker_share_log2",
    "score of the candidate's students (+1) against all other shadows (−1)": "shadow_student_score",
    "kappa of shared wrong answers": "shared_errors_kappa",
    "normalised template score (z-norm, then t-norm)": "template_score_normalised",
    "template score less the best other's": "template_score_margin",
    "long shared spans per 100 answers": "long_spans_per_100_answers",
    "cross likelihood, bits per byte": "cross_likelihood_bits_per_byte",
    "mirrored likelihood, bits per byte": "mirrored_likelihood_bits_per_byte",
    "AUC of named against unseen questions": "named_against_unseen_auc",
    "shared wording: the maker's log share less the best other maker's": "shared_wording_margin",
    "share of teacher-originated sentences": "teacher_sentence_share",
    "normalised author score (z-norm, then t-norm)": "author_score_normalised",
    "author score less the best of the other vendors": "author_score_over_other_vendors",
    "author score less the best of the same vendor's other models": "author_score_over_own_vendor",
    "standardised movement from the base, the weaker of as written and without layout": (
        "movement_standardised"
    ),
    "agreement on the next word above the nearest control's": "next_word_agreement_margin",
}
"""What detectors called their numbers when ``calibration/1`` was written, and the ids of these."""


def migrated(value: Any) -> Any:
    """A calibration's JSON value in the present format; what is no ``calibration/1`` stays as it
    is, for the reader to judge."""
    if not isinstance(value, dict) or value.get("format") != OLD:
        return value
    fitted = value.get("fitted")
    told = [_fit(one) for one in fitted] if isinstance(fitted, list) else fitted
    return {**value, "format": NEW, "fitted": told}


def _fit(value: Any) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get("metrics"), dict):
        return value
    kept = {key: part for key, part in value.items() if key != "metrics"}
    ids = {d: IDS.get(m, "") if isinstance(m, str) else m for d, m in value["metrics"].items()}
    return {**kept, "metric_ids": ids}
