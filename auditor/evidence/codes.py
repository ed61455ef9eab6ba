"""The codes that a report's records use beside their words: what programs read. Values never
change."""

from __future__ import annotations

from typing import Literal

Outcome = Literal["supported", "not_supported", "inconclusive", "not_assessable"]
BaseOrigin = Literal["user", "adapter", "store", "lineage", "shadows"]
Conclusion = Literal[
    "supported",
    "not_supported",
    "common_third_source",
    "none_of_the_candidates",
    "inconclusive",
    "not_assessable",
    "not_examined",
    "different",
    "no_difference_found",
    "declined_in_front",
    "declined_in_the_weights",
    "answered_in_front",
]


ReasonCode = Literal[
    "uncalibrated",
    "no_population",
    "no_use",
    "maker_unknown",
    "not_measured",
    "same_weights",
    "too_few_prompts",
    "other_system_prompt",
    "too_few_vendors",
    "too_few_shadows",
    "outside_support",
    "unlike_all_known",
    "other_versions",
    "others_not_weighed",
    "not_separable_from_lineage",
    "lineage_unknown",
    "chosen_for_likeness",
    "not_fitted_for_makers",
    "third_source",
    "made_like_shadows",
    "sampled_unlike",
    "greedy_answers",
    "other_clues",
    "size_bounds",
    "other_widths",
    "sorted_units",
    "order_alone",
    "units_alike",
    "tokens_untold",
    "units_agree",
    "heads_agree",
    "embedding_alike",
    "evidence_missing",
    "attention_unread",
    "roles_guessed",
    "experts_unread",
    "no_common_order",
    "unreadable",
    "not_exchangeable",
    "exploratory",
    "unchecked_design",
    "too_weak",
    "part_too_weak",
    "passed_on",
]
"""Why a verdict or a comparison is no stronger, or what its reader must know, for programs;
``reason`` says it in words. Of inheritance: no calibration applies; none was fitted on models that
answer in the suspect's language; on left-out models the calibration's ratios were no better than
none; a lone model's maker is not known; nothing was measured in the calibrated way; suspect and
candidate are one; too few prompts, or prompts that are the same but for the system turn; too few
vendors or shadows; a value beyond all that was calibrated on; a
suspect that is less like the stored models at large than any model that was calibrated on; the
vendor's other versions (of reports in which single models had verdicts); weights or a maker that
suspect and candidate are known to share, or of which it isn't known whether they do; a maker looked
at for its likeness alone; a calibration of single models; a third source; a population of shadows.
Of services: the sides were sampled unlike or repeat themselves; other signs speak against
the claim; nothing was found at this size. Of weights: widths differ; units are sorted, or stand in
one order and are strangers', or are all alike;
tokens can't be told; more units, or heads, agree than in strangers; a copy of a part would not be
found; a kind of evidence, or the attention, could not be compared; roles of tensors were guessed;
experts were left out; no order is shared; the files can't be read.
Of exact tests: served and drawn answers differ in more than chance; the design can only explore;
nothing checked that the design's conditions held; the test was too weak to say more; the answers
could be the teacher's own, passed on."""

NO_CALIBRATION: frozenset[ReasonCode] = frozenset({"uncalibrated", "no_population"})
"""No calibration is at hand for such a suspect."""
TOO_FEW_PROMPTS: frozenset[ReasonCode] = frozenset({"too_few_prompts", "other_system_prompt"})
"""One is, and too few of the suspect's answers are to prompts that the stored models answered."""

Kinship = Literal[
    "same_weights",
    "same_answers",
    "shared_weights",
    "own_maker",
    "base",
    "compared_weights",
    "declared",
]
"""How it is known that suspect and candidates share weights or a maker: equal digests; nearly all
answers the same, the suspect's or its base's; an adapter on a member's weights, or on the same as a
member; the user named the suspect's maker; its base is of that maker; weights that were compared;
what its own files say."""
