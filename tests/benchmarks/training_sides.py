"""The sides that `bench_training` compares, each run in a process of its own: ours, TRL's trainer,
a plain loop.

``python -m tests.benchmarks.training_sides SIDE SETTINGS.json`` prints one JSON object. Every side
of a pair gets equal tokens, labels, batches, starting weights, learning rates and precision. Knows
training; compares nothing.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from auditor.controls.curation.pool import read_source
from auditor.controls.recipe import (
    Distillation,
    Lora,
    Prompts,
    Recipe,
    Student,
    TeacherChoice,
    Training,
)
from auditor.controls.teaching.examples import Example
from auditor.controls.training.batches import EncodedSet, encode_examples, plan_steps
from auditor.controls.training.distill import JOURNAL, distill, rate_at
from auditor.controls.training.losses import IGNORED
from auditor.controls.training.step_journal import read_losses
from auditor.controls.training.students import Learner, open_student, save_student
from fingerprints.subjects import open_subject

MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SENTENCES = (
    "First look at what is there, and write down three things that you would change.",
    "Most people begin with the largest part, because the rest then follows by itself.",
    "In short, it takes patience, a clean table and about forty minutes.",
    "There is one exception: where the weather is cold, wait until the afternoon.",
    "An example helps: a baker who measures by weight repeats the same loaf every day.",
    "Keep a note of the numbers, since memory rounds them in its own favour.",
    "If that fails, turn the order around and start from the end.",
    "Nothing of this is difficult, but each step must be finished before the next.",
)


@dataclass(frozen=True)
class Settings:
    """What both sides of a pair share. ``model``: a GGUF file; ``folder``: where prepared models
    lie."""

    model: str
    folder: str
    steps: int
    batch: int
    longest: int
    precision: str
    threads: int
    epochs: int = 1
    seed: int = 0

    @property
    def training(self) -> Training:
        """The settings as the recipe has them."""
        return Training.model_validate(
            {
                "epochs": self.epochs,
                "learning_rate": 5e-4,
                "batch": self.batch,
                "longest": self.longest,
                "precision": self.precision,
                "save_every": 10_000,
            }
        )

    def lessons(self) -> list[Example]:
        """Prompts of the bundled bank with made-up answers of 20 to 160 words, as many as the
        steps of an epoch need."""
        prompts = read_source("general")
        chance = random.Random(self.seed)
        return [
            Example(
                id=f"lesson/{i}",
                prompt=prompts[i % len(prompts)].text,
                answer=" ".join(chance.choices(SENTENCES, k=chance.randint(2, 11))),
                teacher="made up",
                source_digest="",
            )
            for i in range(self.steps // self.epochs * self.batch)
        ]


def _clock() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.monotonic(), used.ru_utime + used.ru_stime


def _resident() -> float:
    return (
        int(Path("/proc/self/statm").read_text("ascii").split()[1])
        * os.sysconf("SC_PAGE_SIZE")
        / 2**20
    )


@dataclass
class Watch:
    """Notes the time, the processor's seconds and the loss after each step; the memory at the
    start."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    began: tuple[float, float] = field(default_factory=_clock)
    resident: float = field(default_factory=_resident)

    def note(self, loss: float) -> None:
        """After a step."""
        self.step()
        self.losses.append(loss)

    def step(self, *_: int) -> None:
        """After a step of our loop, whose losses are in its journal."""
        wall, cpu = _clock()
        self.wall.append(wall)
        self.cpu.append(cpu)

    def read(self, out: Path) -> None:
        """The losses that our loop wrote into its folder."""
        self.losses = [row.loss for row in read_losses(out / JOURNAL)]

    def told(self, settings: Settings, data: EncodedSet) -> dict[str, Any]:
        """Everything that the parent compares: the steps between the first and the last, and the
        whole call."""
        steps = plan_steps([len(e.ids) for e in data.examples], settings.training, settings.seed)[
            1:-1
        ]
        members = [data.examples[i] for step in steps for rows in step for row in rows for i in row]
        wall, cpu = _clock()
        return {
            "steps": len(steps),
            "read": sum(len(e.ids) for e in members),
            "learned": sum(len(e.ids) - max(1, e.taught) for e in members),
            "wall": self.wall[-2] - self.wall[0],
            "cpu": self.cpu[-2] - self.cpu[0],
            "whole_wall": wall - self.began[0],
            "whole_cpu": cpu - self.began[1],
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "resident_mib": self.resident,
            "losses": self.losses,
            "data": data.digest(),
        }


def recipe_of(
    settings: Settings, student: Student, distillation: Distillation | None = None
) -> Recipe:
    """The recipe of our side."""
    return Recipe(
        name="benchmark",
        teachers=(TeacherChoice(name="somebody", spec="recording:./nothing.jsonl"),),
        prompts=Prompts(sources=("general",)),
        student=student,
        method="logits" if distillation else "sft",
        distillation=distillation,
        training=settings.training,
        seed=settings.seed,
    )


def _adapted(settings: Settings) -> Student:
    return Student(base=f"hf:{settings.folder}/base", lora=Lora(rank=8, alpha=16, modules=MODULES))


def prepare(settings: Settings) -> dict[str, Any]:
    """Writes the GGUF file's weights as an ordinary checkpoint, once."""
    folder = Path(settings.folder) / "base"
    if not folder.exists():
        learner = open_student(
            Student(base=f"gguf:{settings.model}"), Training(precision="float32"), 0
        )
        save_student(learner, folder)
    return {}


def ours(settings: Settings) -> dict[str, Any]:
    """Our loop on answers."""
    student = _adapted(settings)
    learner = open_student(student, settings.training, settings.seed)
    lessons = settings.lessons()
    data = encode_examples(lessons, learner.chat, settings.longest, traces=False)
    watch, out = Watch(), _out(settings)
    distill(learner, lessons, recipe_of(settings, student), out, progress=watch.step)
    watch.read(out)
    return watch.told(settings, data)


def theirs(settings: Settings) -> dict[str, Any]:
    """TRL's `SFTTrainer` on the same rows in the same batches; the model is opened and adapted
    by its own libraries."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from fingerprints.subjects.template import open_chat

    folder = f"{settings.folder}/base"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=getattr(torch, settings.precision)
    )
    torch.manual_seed(settings.seed)
    shape = LoraConfig(
        r=8, lora_alpha=16, lora_dropout=0.0, target_modules=list(MODULES), task_type="CAUSAL_LM"
    )
    model = get_peft_model(model, shape)
    data = encode_examples(
        settings.lessons(), open_chat(tokenizer, None), settings.longest, traces=False
    )
    watch = Watch()
    trainer = _trainer(settings, model, tokenizer, data, watch)
    trainer.train()
    trainer.save_model(str(_out(settings)))
    return watch.told(settings, data)


def _trainer(settings: Settings, model: Any, tokenizer: Any, data: EncodedSet, watch: Watch) -> Any:
    from datasets import Dataset  # type: ignore[import-not-found,unused-ignore]
    from torch.utils.data import SequentialSampler
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer  # type: ignore[import-not-found,unused-ignore]

    losses: list[float] = []

    class Notes(TrainerCallback):  # type: ignore[misc,unused-ignore]
        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            watch.note(losses[-1])

    class InOrder(SFTTrainer):  # type: ignore[misc,unused-ignore]
        def _get_train_sampler(self, dataset: Any = None) -> Any:
            return SequentialSampler(dataset if dataset is not None else self.train_dataset)

        def training_step(self, *args: Any, **more: Any) -> Any:
            loss = super().training_step(*args, **more)
            losses.append(float(loss))
            return loss

    steps = plan_steps([len(e.ids) for e in data.examples], settings.training, settings.seed)
    rows = [data.examples[i] for step in steps for batch in step for row in batch for i in row]
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1.0, weight_decay=0.0, fused=True)
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda n: rate_at(n + 1, len(steps), settings.training)
    )
    return InOrder(
        model=model,
        args=SFTConfig(
            output_dir=f"{settings.folder}/unused",
            use_cpu=True,
            bf16=settings.precision == "bfloat16",
            num_train_epochs=1,
            per_device_train_batch_size=settings.batch,
            max_length=None,
            gradient_checkpointing=False,
            max_grad_norm=1.0,
            logging_steps=10,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            logging_nan_inf_filter=False,
            seed=settings.seed,
        ),
        train_dataset=Dataset.from_list(
            [
                {"input_ids": list(e.ids), "labels": [IGNORED] * e.taught + list(e.ids[e.taught :])}
                for e in rows
            ]
        ),
        processing_class=tokenizer,
        callbacks=[Notes()],
        optimizers=(optimizer, rates),
    )


TEACHER, PUPIL = "scratch:llama-h256-l4", "scratch:llama-h128-l4"


def kd_prepare(settings: Settings) -> dict[str, Any]:
    """A tiny teacher that has learned the answers for some steps, so that its distributions are
    not flat."""
    folder = Path(settings.folder) / "teacher"
    if not folder.exists():
        student = Student(base=TEACHER)
        learner = open_student(student, settings.training, seed=7)
        distill(
            learner, settings.lessons()[: 40 * settings.batch], recipe_of(settings, student), folder
        )
    return {}


def kd_ours(settings: Settings) -> dict[str, Any]:
    """Our method ``logits``: the teacher reads every example once, its full distributions lie on
    the disk."""
    student = Student(base=PUPIL)
    learner = open_student(student, settings.training, settings.seed)
    lessons = settings.lessons()
    data = encode_examples(lessons, learner.chat, settings.longest, traces=False)
    watch, out = Watch(), _out(settings)
    with open_subject(f"hf:{settings.folder}/teacher/student,dtype=float32") as teacher:
        distill(
            learner,
            lessons,
            recipe_of(settings, student, Distillation()),
            out,
            teacher,
            watch.step,
        )
    watch.read(out)
    return watch.told(settings, data)


def kd_plain(settings: Settings) -> dict[str, Any]:
    """The plain way: both models in memory, the teacher reads each batch anew, KL over the whole
    vocabulary."""
    learner = open_student(Student(base=PUPIL), settings.training, settings.seed)
    data = encode_examples(settings.lessons(), learner.chat, settings.longest, traces=False)
    with open_subject(f"hf:{settings.folder}/teacher/student,dtype=float32") as subject:
        watch = Watch()
        _plain_loop(settings, learner, subject.speaker.model, data, watch)  # type: ignore[attr-defined]
    learner.model.save_pretrained(str(_out(settings)))
    return watch.told(settings, data)


def _plain_loop(
    settings: Settings, learner: Learner, teacher: Any, data: EncodedSet, watch: Watch
) -> None:
    steps = plan_steps([len(e.ids) for e in data.examples], settings.training, settings.seed)
    optimizer = torch.optim.AdamW(learner.model.parameters(), weight_decay=0.0, fused=True)
    learner.model.train()
    for number, step in enumerate(steps, 1):
        rows = [data.examples[i] for batch in step for row in batch for i in row]
        width = max(len(e.ids) for e in rows)
        ids = torch.tensor([[*e.ids, *[learner.pad] * (width - len(e.ids))] for e in rows])
        learned = torch.tensor(
            [[max(1, e.taught) <= i + 1 < len(e.ids) for i in range(width)] for e in rows]
        )
        with torch.no_grad():
            wanted = functional.log_softmax(teacher(input_ids=ids, use_cache=False).logits, -1)
        logs = functional.log_softmax(learner.model(input_ids=ids, use_cache=False).logits, -1)
        apart: Tensor = functional.kl_div(logs, wanted, reduction="none", log_target=True).sum(-1)
        loss = apart[learned].mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learner.model.parameters(), settings.training.clip)
        for group in optimizer.param_groups:
            group["lr"] = rate_at(number, len(steps), settings.training)
        optimizer.step()
        watch.note(float(loss.detach()))


def _out(settings: Settings) -> Path:
    return Path(settings.folder) / f"run-{os.getpid()}"


SIDES = {
    "prepare": prepare,
    "ours": ours,
    "theirs": theirs,
    "kd_prepare": kd_prepare,
    "kd_ours": kd_ours,
    "kd_plain": kd_plain,
}


def main(side: str, path: str) -> None:
    """Runs one side and prints what it took."""
    settings = Settings(**json.loads(Path(path).read_text("utf-8")))
    torch.set_num_threads(settings.threads)
    print(json.dumps(SIDES[side](settings)))


if __name__ == "__main__":
    main(*sys.argv[1:])
