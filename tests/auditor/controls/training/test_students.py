"""Students: random weights from a seed, adapters, what is saved opens again and says the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from auditor.controls.recipe import Lora, Student, Training
from auditor.controls.training.students import (
    byte_tokenizer,
    open_student,
    same_tokenizer,
    save_student,
    scratch_model,
)
from fingerprints.errors import AuditError, UnsafeInput, UsageProblem
from fingerprints.records import Probe, Request
from fingerprints.subjects import open_subject, placement
from fingerprints.subjects.placement import place
from tests.auditor.controls.lessons import SCRATCH
from tests.fingerprints.subjects.tiny import edit_json, tiny_checkpoint, tiny_tokenizer

TRAINING = Training(precision="float32", longest=128)


def score_of(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.tensor([[3, 14, 15, 92, 65]])).logits  # type: ignore[no-any-return]


def test_the_byte_tokenizer_writes_any_text_and_reads_it_back() -> None:
    tokenizer = byte_tokenizer()
    text = "Grüße, 哪只鸟？ 🐦\t\n end"
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids) == text
    assert len(ids) == len(text.encode("utf-8"))
    assert len(tokenizer) == 259


@pytest.mark.parametrize(
    ("name", "millions"), [("h64-l2", 0.12), ("h128-l4", 0.82), ("h256-l4", 3.2)]
)
def test_scratch_models_have_the_sizes_that_are_told(name: str, millions: float) -> None:
    model = scratch_model(f"scratch:llama-{name}", 0)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, rel=0.1)


def test_equal_seeds_give_equal_weights_and_leave_the_callers_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, same, other = (open_student(Student(base=SCRATCH), TRAINING, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert (
        one.identity.weights_sha256 == same.identity.weights_sha256 != other.identity.weights_sha256
    )


@pytest.mark.parametrize(
    "name", ["scratch:llama-h33-l1", "scratch:llama-h0064-l1", "scratch:gpt-h64-l2", "scratch:"]
)
def test_an_unknown_scratch_model_is_refused(name: str) -> None:
    with pytest.raises(UsageProblem, match="scratch"):
        open_student(Student(base=name), TRAINING, 0)


def test_a_scratch_student_saved_opens_as_a_subject_and_speaks(tmp_path: Path) -> None:
    learner = open_student(Student(base=SCRATCH), TRAINING, 0)
    save_student(learner, tmp_path / "student")
    with open_subject(learner.spec(tmp_path / "student") + ",dtype=float32") as subject:
        assert torch.equal(score_of(subject.speaker.model), score_of(learner.model.eval()))  # type: ignore[attr-defined]
        replies = list(subject.generate([Request(probe=Probe(id="a", text="Hi?"), max_tokens=8)]))
        assert subject.identity.template == "model"
    assert len(replies) == 1


def test_a_checkpoint_trained_in_full_opens_with_its_bases_generation_settings(
    tmp_path: Path,
) -> None:
    base = tiny_checkpoint(tmp_path / "base")
    edit_json(base / "generation_config.json", eos_token_id=[2, 7])
    learner = open_student(Student(base=f"hf:{base}"), TRAINING, 0)
    with torch.no_grad():
        next(iter(learner.model.parameters())).add_(0.5)
    save_student(learner, tmp_path / "student")
    with open_subject(f"{learner.spec(tmp_path / 'student')},dtype=float32") as subject:
        assert torch.equal(score_of(subject.speaker.model), score_of(learner.model))  # type: ignore[attr-defined]
        assert 7 in subject.speaker.stop  # type: ignore[attr-defined]


def test_an_adapter_saved_opens_on_its_base(tmp_path: Path) -> None:
    base = tiny_checkpoint(tmp_path / "base")
    learner = open_student(Student(base=f"hf:{base}", lora=Lora(rank=4)), TRAINING, 0)
    with torch.no_grad():
        for name, parameter in learner.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(generator=torch.Generator().manual_seed(1))
    save_student(learner, tmp_path / "adapter")
    spec = f"hf:{base},adapter={tmp_path / 'adapter'}"
    assert learner.spec(tmp_path / "adapter") == f"hf:{base},adapter={tmp_path / 'adapter'}"
    with open_subject(f"{spec},dtype=float32") as subject:
        assert torch.allclose(
            score_of(subject.speaker.model), score_of(learner.model.eval()), atol=1e-4
        )  # type: ignore[attr-defined]
        with open_subject(f"hf:{base},dtype=float32") as plain:
            assert not torch.allclose(
                score_of(subject.speaker.model), score_of(plain.speaker.model), atol=1e-2
            )  # type: ignore[attr-defined]


def test_an_adapters_config_names_no_folder_of_this_machine(tmp_path: Path) -> None:
    learner = open_student(
        Student(base=f"hf:{tiny_checkpoint(tmp_path / 'base')}", lora=Lora(rank=4)), TRAINING, 0
    )
    save_student(learner, tmp_path / "adapter")
    assert str(tmp_path) not in (tmp_path / "adapter" / "adapter_config.json").read_text("utf-8")
    assert not any(p.suffix in (".bin", ".pt", ".md") for p in (tmp_path / "adapter").iterdir())


def test_an_adapter_alone_is_trained_and_starts_from_the_seed(tmp_path: Path) -> None:
    base = f"hf:{tiny_checkpoint(tmp_path / 'base')}"
    found = [
        open_student(Student(base=base, lora=Lora(rank=4)), TRAINING, seed) for seed in (3, 3, 4)
    ]
    learned = [
        {n: p.detach() for n, p in f.model.named_parameters() if p.requires_grad} for f in found
    ]
    assert all("lora_" in name for name in learned[0])
    one, same, other = (torch.cat([p.flatten() for p in values.values()]) for values in learned)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_in_half_precision_the_frozen_base_is_halved_and_what_learns_is_not(tmp_path: Path) -> None:
    half = TRAINING.model_copy(update={"precision": "bfloat16"})
    base = f"hf:{tiny_checkpoint(tmp_path / 'base')}"
    adapted, full = (
        open_student(Student(base=base, lora=lora), half, 0) for lora in (Lora(rank=4), None)
    )
    assert {p.dtype for p in adapted.model.parameters() if not p.requires_grad} == {torch.bfloat16}
    for learner in (adapted, full):
        assert {p.dtype for p in learner.model.parameters() if p.requires_grad} == {torch.float32}
        assert learner.half == torch.bfloat16


def test_a_student_trained_on_the_plain_form_is_asked_in_it(tmp_path: Path) -> None:
    base = tiny_checkpoint(tmp_path / "base")
    learner = open_student(Student(base=f"hf:{base},template=plain"), TRAINING, 0)
    save_student(learner, tmp_path / "student")
    with open_subject(learner.spec(tmp_path / "student")) as subject:
        assert subject.identity.template == "plain"


@pytest.mark.parametrize(
    ("base", "lora", "told"),
    [
        ("openai:gpt-x,base_url=http://localhost:1/v1", None, "can be trained"),
        ("recording:./a.jsonl", None, "can be trained"),
        ("hf:org/name,dtype=float16", None, "precision"),
        ("hf:org/name,adapter=./x", Lora(), "second"),
        (SCRATCH, Lora(), "in full"),
    ],
)
def test_what_can_not_be_trained_is_refused_in_one_line(
    base: str, lora: Lora | None, told: str
) -> None:
    with pytest.raises(UsageProblem, match=told) as caught:
        open_student(Student(base=base, lora=lora), TRAINING, 0)
    assert "\n" not in str(caught.value)


def test_modules_that_the_model_does_not_have_are_refused(tmp_path: Path) -> None:
    base = f"hf:{tiny_checkpoint(tmp_path / 'base')}"
    with pytest.raises(UsageProblem, match="adapter does not fit"):
        open_student(Student(base=base, lora=Lora(modules=("nowhere",))), TRAINING, 0)


def test_a_base_passes_the_checks_of_any_suspect(tmp_path: Path) -> None:
    base = tiny_checkpoint(tmp_path / "base")
    edit_json(base / "config.json", auto_map={"AutoModelForCausalLM": "evil.Model"})
    with pytest.raises(UnsafeInput, match="auto_map"):
        open_student(Student(base=f"hf:{base}"), TRAINING, 0)


def test_a_full_disk_leaves_the_older_student(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = open_student(Student(base=SCRATCH), TRAINING, 0)
    save_student(learner, tmp_path / "student")
    before = (tmp_path / "student" / "model.safetensors").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(learner.tokenizer, "save_pretrained", full)
    with pytest.raises(AuditError, match="No space left") as caught:
        save_student(learner, tmp_path / "student")
    assert caught.value.exit_code == 7
    assert (tmp_path / "student" / "model.safetensors").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["student"]


def test_tokenizers_are_the_same_by_vocabulary_and_by_how_they_cut() -> None:
    assert same_tokenizer(byte_tokenizer(), byte_tokenizer(), ["Hello"])
    assert not same_tokenizer(byte_tokenizer(), tiny_tokenizer(), ["Hello"])


@pytest.mark.parametrize("faster", [torch.float32, torch.bfloat16])
def test_training_computes_in_the_format_that_asking_was_measured_to_be_faster_in(
    faster: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "faster_format", lambda: faster)
    student = Student(base=SCRATCH)
    learner = open_student(student, Training(precision="auto", longest=128), 0)
    assert learner.precision == str(faster).removeprefix("torch.")
    assert place({"device": "cpu"}).dtype is faster
