"""The lazy table of detectors: name → module:Class. Third parties add theirs by the entry-point group ``auditor.detectors``."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the table is read by whoever checks a name; what detectors compute with is loaded with the first of them
    from detectors.base import Detector

TABLE: dict[str, str] = {
    "self_identification": "detectors.self_identification:SelfIdentification",
    "stylistic_overlap": "detectors.stylistic_overlap:StylisticOverlap",
    "quirks": "detectors.quirks:Quirks",
    "overlap": "detectors.overlap:Overlap",
    "neighbours": "detectors.neighbours:Neighbours",
    "shadow_ratio": "detectors.shadow_ratio:ShadowRatio",
    "mirrored_likelihood": "detectors.mirrored_likelihood:MirroredLikelihood",
    "cross_likelihood": "detectors.cross_likelihood:CrossLikelihood",
    "shared_wording": "detectors.shared_wording:SharedWording",
    "movement": "detectors.movement:Movement",
    "prefill_identity": "detectors.prefill_identity:PrefillIdentity",
    "sentence_origin": "detectors.sentence_origin:SentenceOrigin",
    "trained_on_this": "detectors.trained_on_this:TrainedOnThis",
    "pos_templates": "detectors.pos_templates:PosTemplates",
    "next_token_agreement": "detectors.next_token_agreement:NextTokenAgreement",
    "policy_layer": "detectors.policy_layer:PolicyLayer",
    "model_equality": "detectors.model_equality:ModelEquality",
    "sequential_equality": "detectors.sequential_equality:SequentialEquality",
    "rank_uniformity": "detectors.rank_uniformity:RankUniformity",
    "token_counts": "detectors.token_counts:TokenCounts",
    "answer_spread": "detectors.answer_spread:AnswerSpread",
    "mid_run_change": "detectors.mid_run_change:MidRunChange",
    "model_identification": "detectors.model_identification:ModelIdentification",
}


def detector_names() -> list[str]:
    """Names of all detectors, our own first, then those of installed plug-ins."""
    return [*TABLE, *sorted(p.name for p in entry_points(group="auditor.detectors") if p.name not in TABLE)]


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
