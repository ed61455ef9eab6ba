"""Answers in batches are the answers one by one; what can't be answered is said and never
dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from fingerprints.records import Arm, Message, Probe, Reply, Request, Status
from fingerprints.subjects import generation, prompting
from fingerprints.subjects.checkpoint import _speaker
from fingerprints.subjects.generation import Speaker, answer
from fingerprints.subjects.kept_state import state_bytes
from fingerprints.subjects.placement import Placement
from fingerprints.subjects.prompting import first_row, reply_of, shared_prefix
from fingerprints.subjects.template import PLAIN_STOP, open_chat, plain
from tests.fingerprints.subjects.tiny import (
    CHATML,
    NO_SYSTEM,
    OWN_SYSTEM,
    tiny_model,
    tiny_tokenizer,
)

TEXTS = [
    "who made you",
    "a",
    "which bird sings at four o'clock in the morning",
    "the lazy dog asks",
    "quick quick fox",
]


def speaker(
    batch: int = 8, template: str | None = CHATML, option: str | None = None, **config: Any
) -> Speaker:
    place = Placement(torch.device("cpu"), torch.float32, batch)
    return _speaker(tiny_model(**config), tiny_tokenizer(template), place, option)


def ask(texts: list[str] = TEXTS, **fields: Any) -> list[Request]:
    return [
        Request(probe=Probe(id=f"p{i}", text=t), **{"max_tokens": 40, **fields})
        for i, t in enumerate(texts)
    ]


def said(replies: Iterator[Reply]) -> dict[tuple[str, str, int], tuple[str, str, int | None]]:
    return {r.key: (r.status.value, r.text, r.tokens_out) for r in replies}


@pytest.fixture(scope="module")
def tiny() -> Speaker:
    return speaker()


def broken(value: float) -> Speaker:
    """A tiny model whose output weights are no numbers, or all one number."""
    made = speaker()
    with torch.no_grad():
        made.model.get_output_embeddings().weight.fill_(value)
    return made


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_a_model_whose_scores_are_no_numbers_answers_nothing_and_each_is_counted(
    temperature: float,
) -> None:
    replies = list(answer(broken(float("nan")), ask(temperature=temperature)))
    assert len(replies) == len(TEXTS)
    assert {r.status for r in replies} == {Status.ERROR}
    assert all("no numbers" in (r.error or "") for r in replies)


def test_a_model_that_finds_every_token_alike_still_ends(tiny: Speaker) -> None:
    replies = list(answer(broken(0.0), ask()))
    assert len(replies) == len(TEXTS)
    assert all(r.tokens_out is not None and r.tokens_out <= 40 for r in replies)


@pytest.mark.parametrize("form", ["chat", "completion"])
@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_a_batch_answers_what_single_rows_answer(
    tiny: Speaker, form: Any, temperature: float
) -> None:
    texts = [t * (1 + 3 * i) for i, t in enumerate(TEXTS)]
    requests = [
        r.model_copy(update={"probe": r.probe.model_copy(update={"form": form})})
        for r in ask(texts)
    ]
    requests = [
        r.model_copy(update={"temperature": temperature, "top_p": 0.9, "seed": 3}) for r in requests
    ]
    alone = [said(answer(replace(tiny, batch=1), [r])) for r in requests]
    together = said(answer(tiny, requests))
    assert together == {k: v for one in alone for k, v in one.items()}
    assert len({v[1] for v in together.values()}) > 2


def test_a_batch_answers_what_the_library_answers_row_by_row(tiny: Speaker) -> None:
    for reply in answer(tiny, ask()):
        ids = tiny.tokenizer(reply.prompt, add_special_tokens=False, return_tensors="pt").input_ids
        with torch.inference_mode():
            out = tiny.model.generate(
                ids,
                max_new_tokens=40,
                do_sample=False,
                eos_token_id=list(tiny.stop),
                pad_token_id=tiny.pad,
            )
        assert reply.text == tiny.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)


def test_the_shared_prefix_changes_no_answer(
    tiny: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = ask([t * (1 + i) for i, t in enumerate(TEXTS)])
    read: list[int] = []
    original = generation._read_prefix
    monkeypatch.setattr(
        generation, "_read_prefix", lambda s, p, n: read.append(len(p)) or original(s, p, n)
    )
    shared = said(answer(tiny, requests))
    monkeypatch.setattr(prompting, "SHORTEST_PREFIX", 10_000)
    assert said(answer(tiny, requests)) == shared
    assert read[0] > 20
    assert read[1:] == [0]


def test_a_shared_prefix_is_short_of_the_shortest_prompt() -> None:
    prefix = list(range(20))
    assert shared_prefix([prefix, prefix]) == prefix[:-1]
    assert shared_prefix([[*prefix, 1], [*prefix, 2, 3]]) == prefix
    assert shared_prefix([prefix]) == []
    assert shared_prefix([[1, 2, 3], [1, 2, 4]]) == []


def test_rows_that_end_leave_and_the_rest_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "STAGE", 4)
    model = speaker(seed=5)
    stops = replace(model, stop=(*model.stop, *range(40, 70)))
    requests = ask([f"{t} {i}" for t in TEXTS for i in range(4)])
    staged = said(answer(stops, requests))
    monkeypatch.setattr(generation, "STAGE", 1000)
    assert said(answer(stops, requests)) == staged
    assert len({v[2] for v in staged.values()}) > 3


def test_a_row_is_the_same_whatever_the_sliding_window_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = speaker()
    narrow = replace(model, limits=replace(model.limits, window=8))
    assert not generation._may_share(narrow.limits, [first_row(model, r) for r in ask()])  # type: ignore[list-item]
    assert said(answer(narrow, ask())) == said(answer(model, ask()))


def test_samples_differ_and_repeat(tiny: Speaker) -> None:
    requests = [
        r.model_copy(update={"sample": i, "seed": i})
        for i in range(4)
        for r in ask(["who made you"], temperature=1.0)
    ]
    first, second = said(answer(tiny, requests)), said(answer(tiny, requests[2:]))
    assert len({v[1] for v in first.values()}) == 4
    assert {k: first[k] for k in second} == second


def test_answers_come_batch_by_batch(tiny: Speaker, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    original = generation._advance
    monkeypatch.setattr(
        generation, "_advance", lambda s, rows, *a: calls.append(len(rows)) or original(s, rows, *a)
    )
    replies = answer(replace(tiny, batch=2), ask(max_tokens=4))
    next(replies)
    assert calls == [2]
    assert len(list(replies)) == 4


def test_equal_prompts_are_answered_once_and_each_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Without a template of its own, the arms that add nothing have the same prompt.
    model, sizes = speaker(template=None), []
    original = generation._advance

    def counted(s: Speaker, rows: Any, state: Any, steps: int) -> Any:
        sizes.append(len(rows))
        return original(s, rows, state, steps)

    monkeypatch.setattr(generation, "_advance", counted)
    both = [r.model_copy(update={"arm": a}) for a in (Arm.OWN, Arm.EMPTY) for r in ask()]
    replies = {r.key: r for r in answer(model, both)}
    assert sizes[0] == len(TEXTS)
    assert len(replies) == 2 * len(TEXTS)
    for (probe, arm, sample), reply in replies.items():
        alone = next(answer(model, [r for r in both if r.key == (probe, arm, sample)]))
        assert (reply.text, reply.tokens_out, reply.prompt) == (
            alone.text,
            alone.tokens_out,
            alone.prompt,
        )


def test_sampled_answers_to_equal_prompts_stay_apart() -> None:
    model = speaker(template=None)
    both = [
        r.model_copy(update={"arm": a, "temperature": 1.0})
        for a in (Arm.OWN, Arm.EMPTY)
        for r in ask()
    ]
    assert len({r.text for r in answer(model, both)}) > len(TEXTS)


def test_batches_are_of_equal_size_and_fit_the_memory(
    tiny: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row for r in ask() if isinstance(row := first_row(tiny, r), prompting.PromptRow)]
    assert len(generation._next_batch(tiny, rows, 4)) == 3
    assert len(generation._next_batch(tiny, rows, 5)) == 5
    longest = max(len(row.ids) + row.room for row in rows)
    two = 2 * state_bytes(tiny.model) * longest / generation.SHARE_FOR_ROWS
    monkeypatch.setattr(generation, "memory_left", lambda: int(two) + 1)
    assert len(generation._next_batch(tiny, rows, 5)) == 2
    monkeypatch.setattr(generation, "memory_left", lambda: 0)
    assert len(generation._next_batch(tiny, rows, 5)) == 1


def test_tokens_and_reasons_are_counted(tiny: Speaker) -> None:
    for reply in answer(tiny, ask(max_tokens=3)):
        assert reply.tokens_in == len(
            tiny.tokenizer(reply.prompt, add_special_tokens=False).input_ids
        )
        assert (reply.status, reply.finish_reason, reply.tokens_out) == (
            Status.TRUNCATED,
            "length",
            3,
        )
        assert reply.seconds is not None


def test_memory_that_runs_out_halves_the_batch_and_loses_nothing(
    tiny: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, sizes = said(answer(tiny, ask())), []
    original = generation._advance

    def scarce(s: Speaker, rows: Any, state: Any, steps: int) -> Any:
        sizes.append(len(rows))
        if len(rows) > 2:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"
            )
        return original(s, rows, state, steps)

    monkeypatch.setattr(generation, "_advance", scarce)
    assert said(answer(tiny, ask())) == expected
    assert sizes[0] == 5
    assert max(sizes[1:]) == 2


def test_rows_told_before_memory_ran_out_are_not_told_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generation, "STAGE", 4)
    model = speaker(seed=5)
    stops = replace(model, stop=(*model.stop, *range(40, 70)))
    requests = ask([f"{t} {i}" for t in TEXTS for i in range(4)])
    expected, seen = said(answer(stops, requests)), []
    original = generation._advance

    def once(s: Speaker, rows: Any, state: Any, steps: int) -> Any:
        seen.append(len(rows))
        if len(seen) == 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(s, rows, state, steps)

    monkeypatch.setattr(generation, "_advance", once)
    replies = list(answer(stops, requests))
    assert len(replies) == len(requests)
    assert said(iter(replies)) == expected


def test_a_single_answer_that_does_not_fit_is_a_resource_limit(
    tiny: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fingerprints.errors import ResourceLimit

    def never(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(generation, "_advance", never)
    with pytest.raises(ResourceLimit, match="memory ran out"):
        list(answer(tiny, ask()))


def test_other_runtime_errors_are_not_taken_for_memory(
    tiny: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(generation, "_advance", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        list(answer(tiny, ask()))


def test_a_prompt_that_passes_the_context_is_skipped_and_counted(tiny: Speaker) -> None:
    replies = {r.probe_id: r for r in answer(tiny, ask(["short", "long " * 300]))}
    assert replies["p1"].status is Status.SKIPPED_CONTEXT
    assert "256" in (replies["p1"].error or "")
    assert replies["p0"].readable


def test_scores_that_are_no_numbers_are_an_error_with_a_reason() -> None:
    model = speaker()
    with torch.no_grad():
        model.model.lm_head.weight.fill_(float("nan"))
    for reply in answer(model, ask()):
        assert (reply.status, reply.text) == (Status.ERROR, "")
        assert "NaN" in (reply.error or "")


def test_what_the_makers_recommend_does_not_leak_in() -> None:
    model = tiny_model()
    model.generation_config.temperature, model.generation_config.do_sample = 0.6, True
    model.generation_config.repetition_penalty = 50.0
    made = _speaker(model, tiny_tokenizer(), Placement(torch.device("cpu"), torch.float32, 8), None)
    assert said(answer(made, ask())) == said(answer(speaker(), ask()))


@pytest.mark.parametrize(
    ("arm", "system"),
    [(Arm.OWN, OWN_SYSTEM), (Arm.EMPTY, ""), (Arm.NEUTRAL, "Answer briefly.")],
    ids=["own", "empty", "neutral"],
)
def test_the_arm_decides_about_the_system_turn(tiny: Speaker, arm: Arm, system: str) -> None:
    reply = next(answer(tiny, ask(["hi"], arm=arm)))
    assert reply.prompt == (
        f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    )


def test_the_token_that_ends_a_turn_stops_an_answer() -> None:
    chat = open_chat(tiny_tokenizer(CHATML, eos_token="<|endoftext|>"), None)
    assert chat.stop == (2,)


def test_a_template_without_a_system_role_gets_its_text_in_the_users_turn() -> None:
    model = speaker(template=NO_SYSTEM)
    reply = next(answer(model, ask(["hi"], arm=Arm.NEUTRAL)))
    assert "<|im_start|>user\nAnswer briefly.\n\nhi<|im_end|>" in (reply.prompt or "")
    assert "refuses the system role" in model.chat.notes[0]


def test_the_beginning_of_text_token_is_not_added_twice() -> None:
    model = speaker(template=NO_SYSTEM)
    request = ask(["hi"])[0]
    ids = model.chat.encode(request, model.chat.render(request))
    assert ids[0] == 0
    assert ids[1] != 0


def test_a_model_without_a_template_speaks_the_plain_form() -> None:
    model = speaker(template=None)
    probe = Probe(
        id="p",
        text="And now?",
        history=(Message(role="user", content="Hi"), Message(role="assistant", content="Yes")),
    )
    reply = next(answer(model, [Request(probe=probe, arm=Arm.NEUTRAL, max_tokens=8)]))
    assert reply.prompt == "Answer briefly.\nUser: Hi\nAssistant: Yes\nUser: And now?\nAssistant:"
    assert model.chat.kind == "plain"
    assert "no chat template" in model.chat.notes[0]


def test_a_plain_answer_ends_where_the_next_turn_begins() -> None:
    model = speaker(template=None)
    row = first_row(model, ask(["hi"])[0])
    assert not isinstance(row, Reply)
    row.out = model.tokenizer("A fox" + PLAIN_STOP + " next", add_special_tokens=False).input_ids
    reply = reply_of(model, row)
    assert (reply.text, reply.finish_reason, reply.status) == ("A fox", "stop", Status.OK)


def test_a_completion_is_read_raw(tiny: Speaker) -> None:
    request = Request(probe=Probe(id="c", text="the quick brown", form="completion"), max_tokens=4)
    assert next(answer(tiny, [request])).prompt == "the quick brown"


def test_a_template_that_fails_on_one_question_fails_that_one_alone() -> None:
    picky = CHATML + "{% if messages[-1]['content'] == 'a' %}{{ raise_exception('no') }}{% endif %}"
    replies = {r.probe_id: r for r in answer(speaker(template=picky), ask())}
    assert replies["p1"].status is Status.ERROR
    assert sum(r.readable for r in replies.values()) == 4


def test_plain_leaves_an_empty_system_turn_out() -> None:
    assert (
        plain([{"role": "system", "content": ""}, {"role": "user", "content": "{x}"}])
        == "User: {x}\nAssistant:"
    )


def test_the_option_template_plain_is_declared(tmp_path: Path) -> None:
    model = speaker(option="plain")
    assert model.chat.kind == "plain"
    assert "asked for" in model.chat.notes[0]
