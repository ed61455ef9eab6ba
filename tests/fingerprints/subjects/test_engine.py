"""A model that vLLM runs: asked in the very tokens that `hf:` uses, and as safely opened.

There is no GPU where tests run: `tests.fake_vllm` stands in for the package, over a real model.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fingerprints.errors import AuditError, MalformedInput, ResourceLimit, UnsafeInput, UsageProblem
from fingerprints.records import Arm, Probe, Reply, Request, Status
from fingerprints.scores import Passage
from fingerprints.subjects import Subject, open_subject
from fingerprints.subjects.engine import AT_ONCE, VllmModel
from tests import fake_vllm
from tests.fingerprints.subjects.asking import asks
from tests.fingerprints.subjects.tiny import tiny_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("vllm") / "tiny")


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setitem(sys.modules, "vllm", fake_vllm)
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: True if name == "vllm" else found(name, *a)
    )


@pytest.fixture(scope="module")
def here(folder: Path) -> Iterator[Subject]:
    with open_subject(f"hf:{folder},dtype=float32") as subject:
        yield subject


def told(replies: Any) -> dict[tuple[str, str, int], Any]:
    return {
        r.key: (r.status, r.text.strip(), r.finish_reason, r.prompt, r.tokens_in) for r in replies
    }


def questions() -> list[Request]:
    arms = [r for arm in (Arm.OWN, Arm.EMPTY, Arm.NEUTRAL) for r in asks(3, arm=arm, max_tokens=6)]
    probe = Probe(id="on", text="which bird", form="completion")
    return [*arms, Request(probe=probe, max_tokens=5)]


def test_greedy_answers_and_prompts_are_those_of_the_same_folder_by_hf(
    folder: Path, here: Subject
) -> None:
    with open_subject(f"vllm:{folder},dtype=float32") as subject:
        assert told(subject.generate(questions())) == told(here.generate(questions()))


def test_likelihoods_are_those_of_the_same_folder_by_hf(folder: Path, here: Subject) -> None:
    texts, contexts = ["the river runs", "a bird"], ["who made the river? ", ""]
    passages = [
        Passage(text=" a lamb", probe=Probe(id="p", text="Who are you?"), lead="I am"),
        Passage(text="word " * 5000),
    ]
    with open_subject(f"vllm:{folder},dtype=float32") as subject:
        ours, theirs = subject.score(texts, contexts), here.score(texts, contexts)
        passed, wanted = subject.score_passages(passages), here.score_passages(passages)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.token_bits == pytest.approx(other.token_bits, abs=1e-3)
    assert isinstance(passed[1], str)
    assert passed[1] == wanted[1]
    assert passed[0].bits == pytest.approx(wanted[0].bits, abs=1e-3)  # type: ignore[union-attr]


def test_the_identity_says_who_computes_and_shares_the_digests(folder: Path, here: Subject) -> None:
    with open_subject(f"vllm:{folder}") as subject:
        ours, theirs = subject.identity, here.identity
    assert ours.backend == "vllm 0.33.0" != theirs.backend
    same = ("weights_sha256", "config_sha256", "tokenizer_sha256", "template_sha256", "parameters")
    assert all(getattr(ours, name) == getattr(theirs, name) is not None for name in same)
    assert any("batches" in note for note in ours.notes)


def test_drawing_reaches_the_engine_and_a_seed_only_where_it_counts(folder: Path) -> None:
    with open_subject(f"vllm:{folder}") as subject:
        assert isinstance(subject, VllmModel)
        list(subject.generate(asks(temperature=0.7, top_p=0.9, seed=11, max_tokens=3)))
        list(subject.generate(asks(max_tokens=3, seed=11)))
        first, second = (p.params[0] for p in subject._served.llm.portions)
    assert (first.temperature, first.top_p, first.seed, first.max_tokens) == (0.7, 0.9, 11, 3)
    assert (second.temperature, second.seed) == (0.0, None)


def test_no_code_of_a_checkpoint_runs_and_only_safetensors_are_loaded(folder: Path) -> None:
    with open_subject(f"vllm:{folder},gpus=2,memory=0.5,context=100"):
        made = fake_vllm.MADE[-1]
    assert made["trust_remote_code"] is False
    assert made["load_format"] == "safetensors"
    assert made["generation_config"] == "vllm"
    assert (made["tensor_parallel_size"], made["gpu_memory_utilization"]) == (2, 0.5)
    assert made["max_model_len"] == 100


def test_answers_come_in_portions_and_each_question_gets_one(folder: Path) -> None:
    asked = asks(AT_ONCE + 3, max_tokens=1)
    with open_subject(f"vllm:{folder}") as subject:
        said = list(subject.generate(asked))
        assert isinstance(subject, VllmModel)
        sizes = [len(p.prompts) for p in subject._served.llm.portions]
    assert sizes == [AT_ONCE, 3]
    assert sorted(r.key for r in said) == sorted(r.key for r in asked)


def test_a_question_that_leaves_no_room_is_skipped_and_the_others_answered(folder: Path) -> None:
    long = Request(probe=Probe(id="long", text="word " * 3000), max_tokens=4)
    with open_subject(f"vllm:{folder}") as subject:
        said: list[Reply] = list(subject.generate([long, *asks(1, max_tokens=4)]))
    assert {r.probe_id: r.status for r in said}["long"] is Status.SKIPPED_CONTEXT
    assert len(said) == 2


def test_a_checkpoint_that_asks_to_run_code_never_reaches_the_engine(tmp_path: Path) -> None:
    bad = tiny_checkpoint(tmp_path / "bad")
    config = (bad / "config.json").read_text()
    (bad / "config.json").write_text(config.replace("{", '{"auto_map": {"AutoModel": "x.Y"},', 1))
    before = len(fake_vllm.MADE)
    with pytest.raises(UnsafeInput):
        open_subject(f"vllm:{bad}")
    assert len(fake_vllm.MADE) == before


PROBLEMS: tuple[tuple[str, type[AuditError], str], ...] = (
    ("dtype=int4", UsageProblem, "bfloat16"),
    ("gpus=0", UsageProblem, "gpus="),
    ("gpus=1.5", UsageProblem, "whole number"),
    ("memory=2", UsageProblem, "memory="),
    ("context=many", UsageProblem, "context="),
    ("memory=0.06", ResourceLimit, "does not fit"),
)


@pytest.mark.parametrize(("option", "error", "said"), PROBLEMS)
def test_an_option_that_does_not_fit_is_one_line(
    folder: Path, option: str, error: type[AuditError], said: str
) -> None:
    with pytest.raises(error) as caught:
        open_subject(f"vllm:{folder},{option}")
    assert said in caught.value.line()


def test_an_engine_that_can_not_load_it_says_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*args: Any, **more: Any) -> Any:
        raise RuntimeError("Failed to infer device type")

    monkeypatch.setattr(fake_vllm, "LLM", refuses)
    with pytest.raises(MalformedInput, match="finds a GPU, or use hf:"):
        open_subject(f"vllm:{folder}")


def test_without_the_package_the_extra_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None)
    with pytest.raises(UsageProblem, match=r"distillation-auditor\[vllm\]"):
        open_subject(f"vllm:{folder}")
