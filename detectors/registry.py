"""The lazy table of detectors: name → module:Class. Third parties add theirs by the entry-point
group ``auditor.detectors``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from fingerprints.plugged import entry_points

# The table is read by whoever checks a name: what detectors compute with is loaded with the first.
if TYPE_CHECKING:
    from detectors.base import Detector

TABLE: dict[str, str] = {
    "self_identification": "detectors.inheritance.self_identification:SelfIdentification",
    "stylistic_overlap": "detectors.inheritance.stylistic_overlap:StylisticOverlap",
    "quirks": "detectors.inheritance.quirks:Quirks",
    "overlap": "detectors.inheritance.overlap:Overlap",
    "neighbours": "detectors.inheritance.neighbours:Neighbours",
    "shadow_ratio": "detectors.inheritance.shadow_ratio:ShadowRatio",
    "mirrored_likelihood": "detectors.inheritance.mirrored_likelihood:MirroredLikelihood",
    "cross_likelihood": "detectors.inheritance.cross_likelihood:CrossLikelihood",
    "shared_wording": "detectors.inheritance.shared_wording:SharedWording",
    "movement": "detectors.inheritance.movement:Movement",
    "prefill_identity": "detectors.inheritance.prefill_identity:PrefillIdentity",
    "sentence_origin": "detectors.inheritance.sentence_origin:SentenceOrigin",
    "trained_on_this": "detectors.inheritance.trained_on_this:TrainedOnThis",
    "pos_templates": "detectors.inheritance.pos_templates:PosTemplates",
    "next_token_agreement": "detectors.lineage.next_token_agreement:NextTokenAgreement",
    "policy_layer": "detectors.service.policy_layer:PolicyLayer",
    "model_equality": "detectors.service.model_equality:ModelEquality",
    "sequential_equality": "detectors.service.sequential_equality:SequentialEquality",
    "rank_uniformity": "detectors.service.rank_uniformity:RankUniformity",
    "token_counts": "detectors.service.token_counts:TokenCounts",
    "answer_spread": "detectors.service.answer_spread:AnswerSpread",
    "mid_run_change": "detectors.service.mid_run_change:MidRunChange",
    "model_identification": "detectors.service.model_identification:ModelIdentification",
}


def detector_names() -> list[str]:
    """Names of all detectors, our own first, then those of installed plug-ins."""
    return [
        *TABLE,
        *sorted(p.name for p in entry_points(group="auditor.detectors") if p.name not in TABLE),
    ]


def load_detector(name: str) -> Detector:
    """A fresh detector by name, with default settings. Raises KeyError for an unknown name."""
    from detectors.base import Detector

    if name in TABLE:
        module, _, attribute = TABLE[name].partition(":")
        cls = getattr(import_module(module), attribute)
    else:
        cls = {p.name: p for p in entry_points(group="auditor.detectors")}[name].load()
    detector = cls()
    if not isinstance(detector, Detector):
        raise KeyError(name)
    return detector
