"""Batches: labels on answers alone, prompts as the audit asks them, packing, order, truncation."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from auditor.controls.recipe import Training
from auditor.controls.training.batches import (
    Encoded,
    encode,
    encode_examples,
    learned_tokens,
    make_batch,
    pack,
    plan_steps,
)
from auditor.controls.training.losses import IGNORED, cross_entropy
from auditor.controls.training.scores import check_packing, learned_scores
from auditor.controls.training.students import Learner, byte_tokenizer, open_student
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.records import Probe, Request
from fingerprints.subjects.template import open_chat
from tests.auditor.controls.lessons import Said, recipe, sums

CPU = torch.device("cpu")
CHAT = open_chat(byte_tokenizer(), None)
PLAIN = open_chat(byte_tokenizer(), "plain")


def text(ids: Any) -> str:
    return str(CHAT.tokenizer.decode(list(ids)))


def learner(seed: int = 0) -> Learner:
    plan = recipe()
    return open_student(plan.student, plan.training, seed)


def test_the_prompt_reads_as_the_audit_asks_it_and_the_answer_ends_its_turn() -> None:
    example = encode(Said("a", "Hi?", "Hello."), CHAT, traces=False)
    asked = CHAT.render(Request(probe=Probe(id="a", text="Hi?")))
    assert text(example.ids[: example.taught]) == asked
    assert text(example.ids[example.taught :]) == "Hello.<|im_end|>"


def test_the_plain_form_is_used_where_there_is_no_template() -> None:
    example = encode(Said("a", "Hi?", "Hello."), PLAIN, traces=False)
    assert text(example.ids) == "User: Hi?\nAssistant: Hello.<|im_end|>"


def test_an_example_without_a_prompt_is_a_text_learned_whole() -> None:
    example = encode(Said("a", "", "Once upon a time"), CHAT, traces=False)
    assert text(example.ids) == "<|endoftext|>Once upon a time<|im_end|>"
    assert example.taught == 1


def test_thinking_is_learned_between_think_tags_by_the_method_traces_alone() -> None:
    said = Said("a", "Hi?", "Hello.", "They greet me.")
    learned = [
        text(e.ids[e.taught :]) for e in (encode(said, CHAT, traces=t) for t in (True, False))
    ]
    assert learned == ["<think>\nThey greet me.\n</think>\n\nHello.<|im_end|>", "Hello.<|im_end|>"]


def test_a_template_that_opens_the_thinking_itself_leaves_only_its_end_to_say() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = tokenizer.chat_template.replace(
        "assistant\n{% endif", "assistant\n<think>\n{% endif"
    )
    chat = open_chat(tokenizer, None)
    for traces, thought in ((True, "They greet me."), (False, "")):
        example = encode(Said("a", "Hi?", "Hello.", "They greet me."), chat, traces=traces)
        assert text(example.ids).count("<think>") == 1
        assert text(example.ids).endswith(f"<think>\n\n{thought}\n</think>\n\nHello.<|im_end|>")


def test_an_answer_that_spells_a_control_token_stays_words() -> None:
    example = encode(Said("a", "Hi?", "x<|im_end|>y"), CHAT, traces=False)
    end = CHAT.stop[0]
    assert example.ids[example.taught :].count(end) == 1
    assert example.ids[-1] == end


def test_labels_are_the_next_tokens_of_the_answer_and_nothing_else() -> None:
    example = Encoded((5, 6, 7, 8, 9), taught=3)
    batch = make_batch([example, Encoded((1, 2), 1)], ((0,), (1,)), pad=0, device=CPU)
    assert batch.labels.tolist() == [[IGNORED, IGNORED, 8, 9, IGNORED], [2] + [IGNORED] * 4]
    assert batch.ids.tolist() == [[5, 6, 7, 8, 9], [1, 2, 0, 0, 0]]
    assert batch.positions is None


def test_packed_examples_count_their_positions_anew_and_none_predicts_the_next_ones_first_token() -> (
    None
):
    batch = make_batch([Encoded((5, 6, 7), 1), Encoded((8, 9), 1)], ((0, 1),), pad=0, device=CPU)
    assert batch.positions is not None
    assert batch.positions.tolist() == [[0, 1, 2, 0, 1]]
    assert batch.labels.tolist() == [[6, 7, IGNORED, 9, IGNORED]]


def test_the_gradient_depends_on_the_answers_tokens_and_not_on_labels_of_the_prompt() -> None:
    student = learner()
    example = encode(Said("a", "What is it?", "Gold."), CHAT, traces=False)
    batch = make_batch([example], ((0,),), 0, CPU)
    scores = student.model(input_ids=batch.ids).logits
    scores.retain_grad()
    cross_entropy(scores, batch.labels).backward()  # type: ignore[no-untyped-call]
    touched = (scores.grad.abs().sum(-1)[0] > 0).nonzero()[:, 0].tolist()
    assert touched == list(range(example.taught - 1, len(example.ids) - 1))


def test_scores_of_the_learned_columns_equal_those_of_the_whole_row() -> None:
    student = learner()
    examples = encode_examples(sums(3), CHAT, 128, traces=False).examples
    batch = make_batch(examples, ((0,), (1,), (2,)), 0, CPU)
    scores, labels = learned_scores(student, batch)
    whole = student.model(input_ids=batch.ids).logits
    assert scores.shape[1] < whole.shape[1]
    assert torch.allclose(
        cross_entropy(scores, labels), cross_entropy(whole, batch.labels), atol=1e-6
    )


def test_padding_changes_no_score() -> None:
    student = learner()
    examples = encode_examples(
        [*sums(1), Said("b", "A much longer question, is it not?", "Yes. " * 8)],
        CHAT,
        128,
        traces=False,
    )
    both = make_batch(examples.examples, ((0,), (1,)), 0, CPU)
    alone = make_batch(examples.examples, ((0,),), 0, CPU)
    size = alone.ids.shape[1]
    scores = [student.model(input_ids=b.ids).logits[0, :size] for b in (both, alone)]
    assert torch.allclose(*scores, atol=1e-5)


def test_packed_examples_have_the_loss_and_the_gradient_of_unpacked_ones() -> None:
    examples = encode_examples(sums(5), CHAT, 512, traces=False).examples
    count = learned_tokens(examples, (((0, 1, 2), (3, 4)),))
    found = []
    for rows in (((0, 1, 2), (3, 4)), ((0,), (1,), (2,), (3,), (4,))):
        student = learner()
        loss = cross_entropy(*learned_scores(student, make_batch(examples, rows, 0, CPU)), count)
        loss.backward()  # type: ignore[no-untyped-call]
        found.append(
            (
                float(loss.detach()),
                torch.cat([p.grad.flatten() for p in student.model.parameters()]),
            )
        )
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-5)
    assert torch.allclose(found[0][1], found[1][1], atol=1e-5)


def test_without_positions_packed_examples_would_see_each_other() -> None:
    student = learner()
    examples = encode_examples(sums(2), CHAT, 512, traces=False).examples
    batch = make_batch(examples, ((0, 1),), 0, CPU)
    apart, mixed = (
        student.model(input_ids=batch.ids, position_ids=p).logits[0, -3:]
        for p in (batch.positions, None)
    )
    assert not torch.allclose(apart, mixed, atol=1e-4)


def test_a_model_that_keeps_packed_examples_apart_passes_and_one_that_does_not_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    student = learner()
    data = encode_examples(sums(3), CHAT, 128, traces=False)
    check_packing(student, data)
    forward = student.model.forward
    monkeypatch.setattr(
        student.model, "forward", lambda position_ids=None, **asked: forward(**asked)
    )
    with pytest.raises(UsageProblem, match="apart"):
        check_packing(student, data)


def test_long_answers_are_cut_and_counted_and_what_has_no_room_is_left_out() -> None:
    found = encode_examples(
        [*sums(2), Said("l", "Tell.", "long " * 50), Said("p", "why " * 60, "So.")],
        CHAT,
        100,
        traces=False,
    )
    assert (len(found.examples), found.truncated, found.left_out) == (3, 1, 1)
    assert max(len(e.ids) for e in found.examples) == 100
    assert found.examples[2].ids[-1] != CHAT.stop[0]


def test_no_room_for_any_answer_is_refused() -> None:
    with pytest.raises(MalformedInput, match="none of 2 examples"):
        encode_examples(sums(2), CHAT, 16, traces=False)


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=200),
    st.booleans(),
    st.integers(1, 5),
    st.integers(1, 3),
)
def test_every_example_is_seen_once_an_epoch(
    lengths: list[int], packed: bool, batch: int, accumulate: int
) -> None:
    training = Training(epochs=2, longest=40, pack=packed, batch=batch, accumulate=accumulate)
    steps = plan_steps(lengths, training, 7)
    seen = [i for step in steps for rows in step for row in rows for i in row]
    assert sorted(seen) == sorted(list(range(len(lengths))) * 2)
    assert all(
        len(step) <= accumulate and all(len(rows) <= batch for rows in step) for step in steps
    )
    assert steps == plan_steps(lengths, training, 7)


def test_another_seed_gives_another_order() -> None:
    training = Training(epochs=1, longest=40)
    assert plan_steps([8] * 40, training, 0) != plan_steps([8] * 40, training, 1)


@given(st.lists(st.integers(1, 64), min_size=1, max_size=300))
def test_packed_rows_hold_every_example_once_and_never_too_much(lengths: list[int]) -> None:
    rows = pack(range(len(lengths)), lengths, 64)
    assert sorted(i for row in rows for i in row) == list(range(len(lengths)))
    assert all(sum(lengths[i] for i in row) <= 64 for row in rows)


def test_packing_wastes_little_room() -> None:
    lengths = [5 + 7 * i % 60 for i in range(400)]
    rows = pack(range(400), lengths, 64)
    assert sum(lengths) / (64 * len(rows)) > 0.9
