"""What an owner's experiment says by itself: an exact p-value and an e-value, under a design by
which served and drawn, planted and unplanted could have changed places.

No control model stands behind these figures, and none caps them. Knows numbers; knows no detector.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fingerprints.records import Record

Design = Literal["coin", "sealed", "regenerated", "public_dataset", "watermark", "assignment"]
SIGNIFICANT = 0.001
"""The largest Holm-corrected p-value of a supported verdict."""
UNREMARKABLE = 0.05
"""The p-value above which a verdict may be "not supported", where the power was there."""
POWER = 0.9
"""The least power at the stated dose from which finding nothing says something."""
LEAST = 1e-300
"""No p-value is written smaller: below it doubles lose their digits, and zero would be a lie."""


class ExactTest(Record):
    """One exact test: its design, its size, and what came out.

    ``design`` codes how chance entered: by a logged coin at serving time; by twins drawn then, or
    drawn today, or found in a public data set; by a watermark's key; by an assignment of habits.
    ``by_design`` says whether the null is exact by construction (or, for twins drawn today, whether
    every condition of that was checked and held). ``n`` counts ``unit``. ``p_value`` is of this
    test alone, ``p_floor`` the smallest that could have come out; neither is written below
    `LEAST`. ``log10_e`` is an e-value: its mean under the null is at most one, and of a bare
    p-value `detectors.stats.evalues` makes one. Of a test among several it is divided by their
    number: its words need no further correction. ``anytime``: the e-value may be looked at after
    every unit. ``power`` is that at the dose which the audit's own section states, where known.
    """

    design: Design
    by_design: bool
    unit: Literal["prompt", "token", "assignment"]
    n: Annotated[int, Field(ge=0)]
    p_value: Annotated[float, Field(gt=0, le=1)]
    p_floor: Annotated[float, Field(gt=0, le=1)]
    log10_e: Annotated[float, Field(allow_inf_nan=False)]
    anytime: bool
    power: Annotated[float, Field(ge=0, le=1)] | None = None
