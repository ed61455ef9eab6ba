"""Thinking is cut at its cap, prolonged where it ends too early, and every forced token is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from auditor.controls.answer_cache import identity_digest
from auditor.controls.curation.verify import agrees
from fingerprints.errors import UsageProblem
from fingerprints.records import Arm, Probe, Reply, Request, Status
from fingerprints.subjects import generation, open_subject
from fingerprints.subjects.checkpoint import _speaker
from fingerprints.subjects.forcing import _spoken, answer_forced
from fingerprints.subjects.generation import Speaker, answer
from fingerprints.subjects.placement import Placement
from fingerprints.subjects.prompting import PromptRow
from fingerprints.subjects.thinking import LEAD, Forcing, Thinking, forced_in, forcing_option
from tests.fingerprints.subjects.tiny import CHATML, tiny_checkpoint, tiny_model, tiny_tokenizer

TEXTS = [
    "who made you",
    "a",
    "which bird sings at four o'clock in the morning",
    "the lazy dog asks",
    "quick quick fox",
]
OPENS = CHATML.replace("<|im_start|>assistant\n", "<|im_start|>assistant\n<think>\n")


def speaker(template: str | None = CHATML, **config: Any) -> Speaker:
    place = Placement(torch.device("cpu"), torch.float32, 8)
    return _speaker(
        tiny_model(**{"max_position_embeddings": 512, **config}),
        tiny_tokenizer(template),
        place,
        None,
    )


@pytest.fixture(scope="module")
def tiny() -> Speaker:
    return speaker()


def ask(texts: Sequence[str] = TEXTS, **fields: Any) -> list[Request]:
    return [
        Request(probe=Probe(id=f"p{i}", text=t), **{"max_tokens": 12, **fields})
        for i, t in enumerate(texts)
    ]


def said(replies: Iterator[Reply]) -> dict[tuple[str, str, int], tuple[str, str, str, int | None]]:
    return {r.key: (r.status.value, r.text, r.finish_reason, r.tokens_out) for r in replies}


def scripted(
    monkeypatch: pytest.MonkeyPatch, model: Speaker, parts: Sequence[str]
) -> list[PromptRow]:
    """Lets a model write these parts one after the other, each ended by its stop token; returns
    the rows it was given."""
    seen: list[PromptRow] = []

    def write(_: Speaker, rows: Sequence[PromptRow], state: Any, steps: int) -> None:
        for row in rows:
            seen.append(row)
            tokens = model.tokenizer(parts[row.part], add_special_tokens=False).input_ids
            row.take([*tokens, model.stop[0]], model.stop)

    monkeypatch.setattr(generation, "_advance", write)
    monkeypatch.setattr(
        generation, "_begin", lambda *_: SimpleNamespace(ids=torch.zeros(1), keep=lambda _: None)
    )
    return seen


def one(model: Speaker, forcing: Forcing, **fields: Any) -> Reply:
    (reply,) = answer_forced(model, forcing, ask(["2 and 3"], max_tokens=60, **fields))
    return reply


def test_a_thinking_that_ends_early_is_told_to_wait(
    tiny: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [
        "2+3=6\n</think>\n\nIt is 6.",
        ", no: 5\n</think>\n\nIt is 5.",
        " again: 5\n</think>\n\nIt is 5.",
        "\n\nIt is 5.",
    ]
    rows = scripted(monkeypatch, tiny, parts)
    reply = one(tiny, Forcing(200, 2))
    assert reply.text == "<think>\n2+3=6\nWait, no: 5\nWait again: 5\n</think>\n\nIt is 5."
    found = forced_in(reply)
    assert found is not None
    assert (found.waits, found.capped, reply.status) == (2, False, Status.OK)
    assert found.tokens == len(
        tiny.tokenizer("2+3=6\nWait, no: 5\nWait again: 5\n", add_special_tokens=False).input_ids
    )
    assert [row.part for row in rows] == [0, 1, 2, 3]
    assert tiny.tokenizer.decode(rows[1].ids).endswith("<think>\n2+3=6\nWait")
    assert agrees(reply.text.partition("</think>")[2], "5")


def test_a_thinking_that_stops_without_an_end_waits_too_and_is_then_closed(
    tiny: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, tiny, ["2+3=5", " yes", " 5"])
    reply = one(tiny, Forcing(200, 1))
    assert reply.text == f"<think>\n2+3=5\nWait yes\n</think>{LEAD} 5"
    assert reply.finish_reason.startswith("stop; thought ")
    assert reply.finish_reason.endswith("; waits 1")
    assert agrees(reply.text.partition("</think>")[2], "5")


def test_thinking_is_cut_at_its_cap_and_led_to_an_answer(
    tiny: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, tiny, ["and so on " * 60, " 5"])
    reply = one(tiny, Forcing(20, 3))
    thinking, _, rest = reply.text.partition("\n</think>")
    assert rest == f"{LEAD} 5"
    assert forced_in(reply) == Thinking(20, True, 0)
    assert (
        len(tiny.tokenizer(thinking.removeprefix("<think>\n"), add_special_tokens=False).input_ids)
        == 20
    )


def test_a_wait_that_the_cap_leaves_no_room_for_is_not_forced(
    tiny: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, tiny, ["yes\n</think>\n\n5", "\n</think>\n\n5", "\n\n5"])
    length = len(tiny.tokenizer("yes\n", add_special_tokens=False).input_ids)
    room = len(tiny.tokenizer("</think>\n\n5", add_special_tokens=False).input_ids)
    found = forced_in(one(tiny, Forcing(length + room, 1)))
    assert found is not None
    assert found.waits == 1
    wait = len(tiny.tokenizer("Wait", add_special_tokens=False).input_ids)
    assert wait < room
    monkeypatch.setattr("fingerprints.subjects.forcing.WAIT", "Wait a very, very long while " * 3)
    assert forced_in(one(tiny, Forcing(length + room, 1))) == Thinking(length, False, 0)


def test_without_a_cap_thinking_and_answer_share_the_request(
    tiny: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, tiny, ["and so on " * 60])
    (reply,) = answer_forced(tiny, Forcing(None, 2), ask(["2 and 3"], max_tokens=40))
    assert (reply.status, reply.tokens_out, "</think>" in reply.text) == (
        Status.TRUNCATED,
        40,
        False,
    )
    assert reply.finish_reason.startswith("length; thought ")


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_a_batch_answers_what_single_rows_answer(tiny: Speaker, temperature: float) -> None:
    # A stop token in the middle of the vocabulary makes the thoughts end at many lengths.
    model = replace(tiny, stop=(*tiny.stop, *range(40, 60)))
    requests = ask([t * (1 + i) for i, t in enumerate(TEXTS)], temperature=temperature, seed=3)
    how = Forcing(24, 2)
    alone = [said(answer_forced(replace(model, batch=1), how, [r])) for r in requests]
    together = said(answer_forced(model, how, requests))
    assert together == {k: v for one in alone for k, v in one.items()}
    assert said(answer_forced(replace(model, batch=2), how, requests)) == together
    assert len({v[2] for v in together.values()}) > 2


def test_what_is_forced_is_continued_as_the_library_continues_it(tiny: Speaker) -> None:
    for reply in answer_forced(tiny, Forcing(10, 0), ask(TEXTS[:2])):
        head = tiny.tokenizer(reply.prompt, add_special_tokens=False).input_ids
        ids = [*head, *tiny.tokenizer("<think>\n", add_special_tokens=False).input_ids]
        ids = library(tiny, ids, 10)
        ids += tiny.tokenizer(f"\n</think>{LEAD}", add_special_tokens=False).input_ids
        ids = library(tiny, ids, 12)
        assert reply.text == tiny.tokenizer.decode(ids[len(head) :], skip_special_tokens=True)


def library(model: Speaker, ids: list[int], tokens: int) -> list[int]:
    with torch.inference_mode():
        out = model.model.generate(
            torch.tensor([ids]),
            max_new_tokens=tokens,
            do_sample=False,
            eos_token_id=list(model.stop),
            pad_token_id=model.pad,
        )
    return [int(i) for i in out[0]]


def test_a_template_that_opens_the_thinking_is_not_opened_again() -> None:
    model = speaker(OPENS)
    (reply,) = answer_forced(model, Forcing(8, 0), ask(["a"]))
    assert reply.prompt is not None
    assert reply.prompt.endswith("<think>\n")
    assert "<think>" not in reply.text
    assert "</think>" in reply.text


def test_a_plain_chat_ends_its_thinking_at_the_next_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    model = speaker(None)
    scripted(monkeypatch, model, ["2+3=5\nUser: and 4?", " 5\nUser: thanks"])
    reply = one(model, Forcing(60, 0))
    assert reply.text == f"<think>\n2+3=5\n</think>{LEAD} 5"
    assert reply.status is Status.OK


def test_what_has_no_room_is_skipped_and_completions_are_left_alone(tiny: Speaker) -> None:
    long = answer_forced(tiny, Forcing(500, 0), ask(["a"]))
    assert [r.status for r in long] == [Status.SKIPPED_CONTEXT]
    probe = Probe(id="c", text="the quick brown fox", form="completion")
    (plain,) = answer(tiny, [Request(probe=probe, max_tokens=6)])
    (left,) = answer_forced(tiny, Forcing(20, 1), [Request(probe=probe, max_tokens=6)])
    assert (left.text, left.finish_reason, forced_in(left)) == (
        plain.text,
        plain.finish_reason,
        None,
    )
    (tight,) = answer_forced(tiny, Forcing(None, 0), ask(["a"], max_tokens=2))
    assert tight.status is Status.ERROR
    assert tight.error is not None
    assert "no room to think" in tight.error


def test_scores_that_are_no_numbers_are_an_error() -> None:
    model = speaker()
    with torch.no_grad():
        model.model.lm_head.weight.fill_(float("nan"))
    (reply,) = answer_forced(model, Forcing(8, 1), ask(["a"]))
    assert (reply.status, reply.text) == (Status.ERROR, "")


def test_memory_that_runs_out_halves_the_batch_and_changes_no_answer(
    tiny: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = said(answer_forced(tiny, Forcing(10, 1), ask()))
    original, failures = generation._advance, [5, 3]

    def starved(model: Speaker, rows: Sequence[PromptRow], *rest: Any) -> None:
        if failures and len(rows) == failures[0]:
            failures.pop(0)
            raise torch.OutOfMemoryError("CUDA out of memory")
        original(model, rows, *rest)

    monkeypatch.setattr(generation, "_advance", starved)
    failures[1] = 2
    assert said(answer_forced(tiny, Forcing(10, 1), ask())) == whole
    assert not failures


def test_special_think_tags_stay_in_the_text() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<think>", "</think>"]})
    ids = tokenizer(
        "<think>\na fox</think>\n\nthe dog<|im_end|>", add_special_tokens=False
    ).input_ids
    assert _spoken(tokenizer, ids) == "<think>\na fox</think>\n\nthe dog"


def test_options_are_checked_and_read_back() -> None:
    assert forcing_option({"dtype": "float32"}) is None
    assert forcing_option({"thinking": "256", "waits": "2"}) == Forcing(256, 2)
    assert forcing_option({"waits": "1"}) == Forcing(None, 1)
    assert str(Forcing(256, 2)) == "thinking=256,waits=2"
    for bad in (
        {"thinking": "0"},
        {"thinking": "many"},
        {"waits": "17"},
        {"waits": "-1"},
        {"thinking": "９"},
    ):
        with pytest.raises(UsageProblem, match="no whole number"):
            forcing_option(bad)


def test_a_reply_from_before_reads_and_tells_no_forcing() -> None:
    assert (
        forced_in(
            Reply(probe_id="a", arm=Arm.OWN, status=Status.OK, text="x", finish_reason="stop")
        )
        is None
    )
    assert forced_in(Reply(probe_id="a", arm=Arm.OWN, status=Status.OK, text="x")) is None


def test_a_forced_subject_has_an_identity_of_its_own(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "m", max_position_embeddings=512)
    digests = set()
    for options in ("", ",thinking=16", ",thinking=16,waits=1"):
        with open_subject(f"hf:{folder}{options}") as subject:
            digests.add(identity_digest(subject.identity))
            (reply,) = subject.generate(ask(["who made you"]))
            assert (forced_in(reply) is not None) == bool(options)
            assert any("budget forcing" in note for note in subject.identity.notes) == bool(options)
    assert len(digests) == 3
    with pytest.raises(UsageProblem, match="waits"):
        open_subject(f"hf:{folder},waits=many")
