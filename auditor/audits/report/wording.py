"""The fixed sentences of a report, in one place, so that every renderer says the same and a linter
can read them.

Knows words; knows no number.
"""

from __future__ import annotations

from typing import NamedTuple

from auditor.evidence.codes import ReasonCode
from auditor.evidence.exact import Design

BASE_ORIGINS = {
    "user": "as given by the user",
    "adapter": "the suspect was given as an adapter on it",
    "store": "a stored model has the weights that the suspect is an adapter on",
    "lineage": "the suspect's weights and its are derived one from the other (see the answer on"
    " lineage)",
    "shadows": "the shadows of an earlier audit were trained from it; nobody said that the suspect"
    " was too",
}
BASE_BY_DIGEST = "the suspect is an adapter on these weights (equal SHA-256)"
BASE_CLAIMED = (
    "claimed only: no digest ties the suspect to it; another base makes every difference from it"
    " meaningless"
)

OUTCOMES = {
    "supported": "supported",
    "not_supported": "not supported",
    "inconclusive": "inconclusive",
    "not_assessable": "not assessable",
}

WITH_ITS_MAKERS = "with its maker's"
NOT_WEIGHED = "not weighed"
MEMBERS_ARE_RANKS = (
    "Ranks by likeness within one verdict: some model is always first. A model that is told apart"
    " is more like the suspect than its maker's others are, which is no finding that it was the"
    " teacher."
)


class DesignWords(NamedTuple):
    """What a design of an exact test is called, and what its p-value rests on."""

    label: str
    sentence: str


DESIGNS: dict[Design, DesignWords] = {
    "coin": DesignWords(
        "coin",
        "When an answer was served, it was one of several candidates, chosen by a logged coin whose"
        " record was committed to by its digest. If nobody learned from what was served, each"
        " candidate could as well have been the one: the p-value is exact whatever the candidates"
        " are like.",
    ),
    "sealed": DesignWords(
        "sealed",
        "Other answers of the same model to the same prompts were drawn when the served ones were,"
        " and kept. If nobody learned from what was served, each of them could as well have been"
        " the one: the p-value is exact if all were drawn alike, for which the owner answers.",
    ),
    "regenerated": DesignWords(
        "regenerated",
        "Other answers to the same prompts were drawn after the fact. The p-value is exact only if"
        " nothing has drifted since the served answers were drawn: not the model, its sampling, its"
        " system prompt, the length at which it is cut, nor which answers were kept.",
    ),
    "public_dataset": DesignWords(
        "public data set",
        "The answers are what survived into a data set that somebody chose, and others were drawn"
        " later: whatever the choice preferred looks like learning. This explores; it is never"
        " evidence for a verdict.",
    ),
    "watermark": DesignWords(
        "watermark",
        "A key that was kept secret decided which tokens the teacher's answers prefer. If nobody"
        " learned from them, a text without the watermark prefers these tokens by chance alone: the"
        " p-value is exact over keys.",
    ),
    "assignment": DesignWords(
        "assignment",
        "Habits were assigned to accounts and times at random, and the assignment was sealed. If"
        " nobody learned from what was served, any other assignment could as well have been drawn:"
        " the p-value is exact over assignments.",
    ),
}
"""How chance entered an exact test, by its code; each sentence stands at the head of a report."""

ANYTIME = "it holds however often one looked"
ONE_LOOK = "for one look"

UNCALIBRATED = (
    "Uncalibrated: no cohort of control models of known history stands behind these figures, so"
    " they carry no likelihood ratio and no error rate. They describe what was observed and order"
    " the candidates; they do not weigh a conclusion."
)
INCOMPLETE = (
    "The transcript is incomplete: not every planned probe was answered. Figures rest on what was"
    " answered and are not scaled up."
)
NOBODY_ASKED = "Nobody was asked anything: files were compared."
SAME_WEIGHTS = (
    "The suspect was loaded from byte-identical weights: this is identity, and says nothing of"
    " distillation."
)
SAME_ANSWERS = (
    "shared prompts were answered in the very same words. One model that is asked twice without"
    " chance answers so, and so does a copy of its answers under another name: likeness to it is by"
    " itself no sign of training."
)

MORE_ANSWERS: dict[ReasonCode, str] = {
    "too_few_prompts": (
        "Record the suspect's answers to more of the prompts that the stored models answered,"
        " and audit again."
    ),
    "other_system_prompt": (
        "Record the suspect's answers to the same prompts without a system prompt, or the stored"
        " models' under it, and audit again: answers under another system prompt are not compared."
    ),
}
"""What to record where prompts are missing, by the code of the verdicts' reason."""

NO_ALTERNATIVES = "No alternative explanation was listed."
NO_LIMITS = "No limit was recorded."

GLOSSARY: tuple[tuple[str, str], ...] = (
    (
        "Alternative",
        "Of the two propositions that a verdict weighs, that the suspect did not learn from the"
        " candidate's answers.",
    ),
    (
        "Calibration",
        "Fitting a detector's raw value to control models of known history, derived and not"
        " derived, so that it can be read as a likelihood ratio with a measured error rate.",
    ),
    (
        "Cap",
        "The largest log10 likelihood ratio that the number of control models can carry: n"
        " controls without a false alarm leave room for an error rate of about 3/n.",
    ),
    (
        "Candidate",
        "What one verdict is about: all stored models of one maker together, since versions of one"
        " maker answer too much alike to be told apart by it, or one model whose maker is not"
        " known.",
    ),
    (
        "Claim rate",
        "The share of answers, out of those to identity questions, in which the suspect names a"
        " given vendor or model as itself. Web text is full of such names, so a claim alone is"
        " weak.",
    ),
    (
        "Conformal p-value",
        "(1 + the null models that reach the value) / (1 + all null models). It can't be"
        " smaller than 1/(n+1): with 11 null models never below 0.083.",
    ),
    (
        "e-value",
        "What a bet against chance won, starting from one. If nothing happened its mean is at most"
        " one, so a value of 1,000 comes out at most once in 1,000 times.",
    ),
    (
        "Exact p-value",
        "How often chance alone, as the design let it in, gives a figure as large. It needs no"
        " control models, and their number does not cap it.",
    ),
    (
        "Interval",
        "The range of values that the data allow at the stated confidence. Answers to the same"
        " question count as one cluster, not as independent observations.",
    ),
    (
        "Log-likelihood ratio",
        "How many times more probable the finding is if the suspect derives from the candidate"
        " than if it doesn't, as a power of ten: +1 is ten times, 0 favours neither, −1 is ten"
        " times the other way. It isn't the probability that the suspect derives from the"
        " candidate.",
    ),
    (
        "Null cohort",
        "Models that are not known to derive from the candidate, measured in the same way: what"
        " the figure looks like by itself.",
    ),
    (
        "Rank",
        "The model's place among all stored models by the same measurement; 1 is the most"
        " alike. Some model is always first.",
    ),
)
