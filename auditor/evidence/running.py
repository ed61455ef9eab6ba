"""Was a model run as another was? The same weights answer and score otherwise in another library or
precision, so that models that were run otherwise are never compared unnoticed. Knows identities."""

from __future__ import annotations

from collections.abc import Mapping

from fingerprints.records import Identity

SHOWN = 6
"""Names that are listed; more are counted."""


def way_of(identity: Identity) -> tuple[str, str, str] | None:
    """Library, number format and quantisation of what answered; None where that is out of sight
    (an endpoint, a recording). Releases of one library are one way."""
    if identity.kind not in ("checkpoint", "gguf") or not identity.backend:
        return None
    return identity.backend.partition(" ")[0], identity.dtype, identity.quantisation


def ran_otherwise(
    suspect: Identity, others: Mapping[str, Identity], called: str = "The suspect"
) -> tuple[str, ...]:
    """The models that were run in another library or number format than the suspect (``called`` so
    in the sentence), as one sentence for a report; nothing where all were run alike or out of
    sight.

    Quantisation is not compared: that models differ in it is a fact about them, not about how they
    were run.
    """
    ours = way_of(suspect)
    if ours is None:
        return ()
    ways = {name: way_of(identity) for name, identity in others.items()}
    apart = [name for name, way in ways.items() if way is not None and way[:2] != ours[:2]]
    if not apart:
        return ()
    shown = ", ".join(apart[:SHOWN]) + (f" and {len(apart) - SHOWN} more" * (len(apart) > SHOWN))
    theirs = sorted({_told(way) for name in apart if (way := ways[name]) is not None})
    return (
        f"{called} was run by {_told(ours)}, and {shown} by {' or '.join(theirs)}: the same"
        " weights give other words and likelihoods there, so that small differences between them"
        " may have that reason.",
    )


def _told(way: tuple[str, str, str]) -> str:
    library, dtype, quantisation = way
    return f"{library} in {dtype or quantisation}"
