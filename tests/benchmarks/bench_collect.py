"""How fast `collect` asks a small model, against a plain loop and the library's own batched
pipeline, in one run.

``python -m tests.benchmarks.bench_collect [MODEL.gguf] [--probes 64] [--tokens 64] [--threads 2]
[--plain 8]``. All three answer the same prompts greedily in the same dtype on the CPU; the plain
loop is timed on a part of them and said in answers per second. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from auditor.demo import demo_model
from fingerprints.collect import collect, requests_for
from fingerprints.probes import load_probe_set
from fingerprints.records import Arm, Sampling
from fingerprints.subjects import open_subject
from fingerprints.subjects.library import quiet


def main() -> None:
    """Times the three ways and prints answers per second, ratios and the load of the machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default=None, help="a GGUF file (default: the demo's)")
    parser.add_argument("--probes", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--plain", type=int, default=8, help="how many of the prompts the plain loop answers"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    subject: Any = open_subject(f"{args.model or demo_model()},device=cpu")
    probes = (
        load_probe_set("style")
        .head(args.probes)
        .model_copy(update={"arms": (Arm.OWN,), "max_tokens": args.tokens})
    )
    prompts = [subject.speaker.chat.render(r) for r in requests_for([probes], Sampling())]
    _plain(subject.speaker, prompts[:1], 4)
    rates = {
        "plain": _rate(
            len(prompts[: args.plain]),
            lambda: _plain(subject.speaker, prompts[: args.plain], args.tokens),
        ),
        "pipeline": _rate(len(prompts), lambda: _pipeline(subject.speaker, prompts, args.tokens)),
        "collect": _rate(len(prompts), lambda: _collect(subject, probes)),
    }
    told = {f"{name}_answers_per_s": round(rate, 3) for name, rate in rates.items()}
    told |= {
        f"collect_over_{name}": round(rates["collect"] / rates[name], 2)
        for name in ("plain", "pipeline")
    }
    setup = {
        "n": len(prompts),
        "n_plain": args.plain,
        "tokens": args.tokens,
        "threads": args.threads,
    }
    identity = {
        "dtype": subject.identity.dtype,
        "model": subject.identity.name,
        "load_1min": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(setup | identity | told, indent=1))


def _rate(n: int, do: Any) -> float:
    begun = time.perf_counter()
    do()
    return n / (time.perf_counter() - begun)


def _plain(speaker: Any, prompts: list[str], tokens: int) -> None:
    for prompt in prompts:
        ids = speaker.tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
        with torch.inference_mode(), quiet():
            speaker.model.generate(
                **ids,
                max_new_tokens=tokens,
                do_sample=False,
                eos_token_id=list(speaker.stop),
                pad_token_id=speaker.pad,
            )


def _pipeline(speaker: Any, prompts: list[str], tokens: int) -> None:
    from transformers import pipeline

    side = speaker.tokenizer.padding_side
    speaker.tokenizer.padding_side = "left"
    with quiet():
        ask = pipeline(
            "text-generation", model=speaker.model, tokenizer=speaker.tokenizer, batch_size=32
        )
        list(
            ask(
                prompts,
                max_new_tokens=tokens,
                do_sample=False,
                add_special_tokens=False,
                eos_token_id=list(speaker.stop),
                pad_token_id=speaker.pad,
            )
        )
    speaker.tokenizer.padding_side = side


def _collect(subject: Any, probes: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        collect(subject, [probes], Sampling(), Path(folder) / "t.jsonl")


if __name__ == "__main__":
    main()
