"""Models that were run otherwise are told; those that were run alike, or out of sight, are not."""

from __future__ import annotations

import pytest

from auditor.evidence.running import ran_otherwise, way_of
from fingerprints.records import Identity

BY_TRANSFORMERS = Identity(
    kind="gguf",
    name="m.gguf",
    backend="transformers 5.24.0",
    dtype="float32",
    quantisation="Q4_1 dequantised",
)
BY_LLAMA = Identity(
    kind="gguf", name="m.gguf", backend="llama.cpp (xllamacpp 1)", quantisation="Q4_1"
)
ENDPOINT = Identity(kind="endpoint", name="x", base_url="http://localhost/v1")


def test_another_library_is_told_with_both_ways_and_the_name() -> None:
    (told,) = ran_otherwise(BY_LLAMA, {"teacher-1": BY_TRANSFORMERS})
    assert "llama.cpp in Q4_1, and teacher-1 by transformers in float32" in told


def test_another_number_format_is_told() -> None:
    half = BY_TRANSFORMERS.model_copy(update={"dtype": "bfloat16"})
    (told,) = ran_otherwise(BY_TRANSFORMERS, {"a": half, "b": BY_TRANSFORMERS})
    assert "a by transformers in bfloat16" in told
    assert " b " not in told


@pytest.mark.parametrize(
    "other",
    [
        BY_TRANSFORMERS,
        BY_TRANSFORMERS.model_copy(update={"backend": "transformers 5.3.0"}),
        BY_TRANSFORMERS.model_copy(update={"kind": "checkpoint", "quantisation": ""}),
        ENDPOINT,
        Identity(kind="recording", name="r"),
    ],
)
def test_what_was_run_alike_or_out_of_sight_is_no_news(other: Identity) -> None:
    assert ran_otherwise(BY_TRANSFORMERS, {"other": other}) == ()


def test_a_suspect_out_of_sight_is_compared_with_nobody() -> None:
    assert way_of(ENDPOINT) is None
    assert ran_otherwise(ENDPOINT, {"a": BY_LLAMA, "b": BY_TRANSFORMERS}) == ()


def test_many_names_are_counted() -> None:
    (told,) = ran_otherwise(BY_LLAMA, {f"m{i}": BY_TRANSFORMERS for i in range(9)})
    assert "m5 and 3 more" in told


def test_the_sentence_calls_the_suspect_as_its_audit_does() -> None:
    (told,) = ran_otherwise(BY_LLAMA, {"a": BY_TRANSFORMERS}, "The endpoint")
    assert told.startswith("The endpoint was run by llama.cpp in Q4_1, and a by")
