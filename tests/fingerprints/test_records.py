"""Records: digests, prompts, arms, heads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fingerprints.errors import printable
from fingerprints.records import (
    Arm,
    Identity,
    Likelihoods,
    Message,
    Probe,
    ProbeSet,
    Reply,
    Request,
    Status,
    canonical_json,
)


def test_canonical_json_sorts_keys_and_refuses_nan() -> None:
    assert canonical_json({"b": 1, "a": ["é", None]}) == '{"a":["é",null],"b":1}'.encode()
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json(float("nan"))


def test_equal_records_have_equal_digests_and_a_changed_one_has_another() -> None:
    one, same, other = (Probe(id="a/1", text=t) for t in ("hi", "hi", "ho"))
    assert one.digest() == same.digest() != other.digest()


def test_a_record_refuses_unknown_fields_and_changes() -> None:
    with pytest.raises(ValidationError):
        Probe.model_validate({"id": "a", "text": "x", "colour": "red"})
    with pytest.raises(ValidationError):
        Probe(id="a", text="x").text = "y"  # type: ignore[misc]


def test_a_choice_lists_its_options_and_needs_its_answer_among_them() -> None:
    probe = Probe(id="c/1", text="Which?", form="choice", options=("one", "two"), answer="two")
    assert (
        probe.prompt() == "Which?\nA) one\nB) two\nAnswer with the letter of the right option only."
    )
    with pytest.raises(ValidationError, match="its answer among them"):
        Probe(id="c/1", text="Which?", form="choice", options=("one", "two"), answer="three")


def test_probes_that_ask_the_same_share_a_prompt_digest_whatever_their_id() -> None:
    one = Probe(id="a/1", text="What  is\nthis?")
    assert one.prompt_sha256() == Probe(id="b/9", text="What is this?").prompt_sha256()
    assert (
        one.prompt_sha256()
        != Probe(id="a/1", text="What is this?", form="completion").prompt_sha256()
    )
    turn = Message(role="user", content="before")
    assert (
        one.prompt_sha256()
        != Probe(id="a/1", text="What is this?", history=(turn,)).prompt_sha256()
    )


@pytest.mark.parametrize(
    ("arm", "system"),
    [(Arm.OWN, None), (Arm.EMPTY, ""), (Arm.NEUTRAL, "Answer briefly."), (Arm.RECORDED, None)],
)
def test_the_arm_alone_decides_about_the_system_turn(arm: Arm, system: str | None) -> None:
    messages = Request(probe=Probe(id="a", text="Who?"), arm=arm).messages()
    assert [m["content"] for m in messages if m["role"] == "system"] == (
        [] if system is None else [system]
    )
    assert messages[-1] == {"role": "user", "content": "Who?"}


def test_a_head_is_a_prefix_and_changes_the_digest() -> None:
    probes = tuple(Probe(id=f"a/{i}", text=str(i)) for i in range(5))
    whole = ProbeSet(name="a", version="1", probes=probes)
    assert whole.head(2).probes == probes[:2]
    assert whole.head(99) is whole
    assert whole.head(2).digest() != whole.digest()


def test_a_probe_set_refuses_two_probes_with_one_id() -> None:
    with pytest.raises(ValidationError, match="duplicate probe ids"):
        ProbeSet(name="a", version="1", probes=(Probe(id="x", text="1"), Probe(id="x", text="2")))


def test_weights_are_the_same_only_when_seen_and_equal_with_equal_adapters() -> None:
    seen = Identity(kind="gguf", name="a", weights_sha256="00")
    assert seen.same_weights(Identity(kind="gguf", name="b", weights_sha256="00"))
    assert not seen.same_weights(
        Identity(kind="gguf", name="b", weights_sha256="00", adapter_sha256="11")
    )
    assert not Identity(kind="endpoint", name="a").same_weights(Identity(kind="endpoint", name="a"))


def test_bits_are_given_per_byte_and_per_token() -> None:
    likelihoods = Likelihoods(text_sha256="0", bits=12.0, tokens=3, bytes=8)
    assert likelihoods.bits_per_byte == 1.5


@pytest.mark.parametrize(
    ("status", "text", "readable"),
    [
        (Status.OK, "yes", True),
        (Status.TRUNCATED, "yes", True),
        (Status.OK, " \n", False),
        (Status.ERROR, "yes", False),
    ],
)
def test_only_answers_with_text_are_readable(status: Status, text: str, readable: bool) -> None:
    assert Reply(probe_id="a", arm=Arm.OWN, status=status, text=text).readable is readable


@given(st.text(alphabet=st.characters(), max_size=50))
def test_any_text_of_a_stranger_survives_the_disk(text: str) -> None:
    reply = Reply(probe_id="a", arm=Arm.OWN, status=Status.OK, text=text)
    assert Reply.model_validate_json(canonical_json(reply.model_dump(mode="json"))) == reply


@given(st.text(max_size=80))
def test_printable_text_holds_no_control_or_format_character(text: str) -> None:
    import unicodedata

    assert not any(unicodedata.category(c)[0] == "C" for c in printable(text))
