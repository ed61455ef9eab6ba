"""Lineage by weights on real models: copies of SmolLM2-135M-Instruct in every kind, and models that
share nothing with it.

python -m tests.benchmarks.bench_lineage_real --models models/ --work work/ [--peers /tmp/peers/bin]

``--models`` holds the GGUF files of SmolLM2-135M-Instruct, Gemma-3-270M and Qwen2.5-Coder-0.5B and
-1.5B. Copies are made in ``--work`` once. Every comparison is a process of its own; CPU seconds and
peak memory are that process's. Peers as in `tests.benchmarks.bench_lineage`.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import click

from auditor.labs.zoo.derive import derive
from tests.benchmarks.bench_compare import table
from tests.benchmarks.bench_lineage import run

DISGUISE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("rotate_residual", {}),
    ("permute_units", {}),
    ("permute_heads", {}),
    ("rescale_units", {"signs": True}),
)
COPIES: dict[str, tuple[str, tuple[tuple[str, dict[str, Any]], ...]]] = {
    "bf16": ("base", (("recast", {"dtype": "bfloat16"}),)),
    "int8": ("base", (("quantise", {"bits": 8}),)),
    "int4": ("base", (("quantise", {"bits": 4}),)),
    "permuted units": ("base", (("permute_units", {}),)),
    "rotated": ("base", (("rotate_residual", {}),)),
    "depth-pruned (3 of 30 layers)": ("base", (("drop_layers", {"n": 3}),)),
    "width-pruned (75 %)": ("base", (("prune_units", {"keep": 0.75}),)),
    "taught, then disguised": ("taught", DISGUISE),
    "taught, pruned and disguised": (
        "taught",
        (("drop_layers", {"n": 3}), ("prune_units", {"keep": 0.75}), *DISGUISE),
    ),
}
STRANGERS = (
    ("gemma-3-270m-q4_k_m.gguf", "smollm2-135m-instruct-q4_1.gguf"),
    ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", "smollm2-135m-instruct-q4_1.gguf"),
    ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", "gemma-3-270m-q4_k_m.gguf"),
    ("qwen2.5-coder-1.5b-instruct-q4_k_m.gguf", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
    ("qwen2.5-coder-1.5b-instruct-q4_k_m.gguf", "gemma-3-270m-q4_k_m.gguf"),
    ("qwen2.5-coder-1.5b-instruct-q4_k_m.gguf", "smollm2-135m-instruct-q4_1.gguf"),
)


def unpacked(gguf: Path, work: Path) -> Path:
    """SmolLM2 as an ordinary checkpoint in float32."""
    from fingerprints.subjects.cache import file_sha256
    from fingerprints.subjects.gguf import converted
    from fingerprints.subjects.gguf_header import read_gguf_header

    place = work / "base"
    if not place.exists():
        place.symlink_to(
            converted(gguf, read_gguf_header(gguf), file_sha256(gguf), "float32").resolve()
        )
    return place


def taught(base: Path, work: Path) -> Path:
    """The shipped adapter, which Qwen2.5-Coder-0.5B-Instruct taught, merged into the base, with
    the base's tokenizer."""
    place = work / "taught"
    if not (place / "config.json").exists():
        import torch
        from peft import PeftModel
        from transformers import AutoModelForCausalLM

        from auditor.demo import taught_adapter
        from fingerprints.subjects.library import quiet

        with quiet():
            model = AutoModelForCausalLM.from_pretrained(
                str(base), dtype=torch.float32, local_files_only=True
            )
            PeftModel.from_pretrained(
                model, str(taught_adapter())
            ).merge_and_unload().save_pretrained(str(place))
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            shutil.copyfile(base / name, place / name)
    return place


def copy(name: str, sources: dict[str, Path], work: Path) -> Path:
    """A copy of known history, made once."""
    parent, steps = COPIES[name]
    place = sources[parent]
    for number, (kind, settings) in enumerate(steps):
        out = work / f"{name.partition(' (')[0].replace(' ', '-').replace(',', '')}-{number}"
        if not (out / "derivation.json").exists():
            derive(place.resolve(), kind, out, 1, **settings)
        place = out
    return place


@click.command()
@click.option(
    "--models",
    type=click.Path(path_type=Path, exists=True),
    envvar="AUDITOR_MODELS",
    help="The GGUF files.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=Path("lineage-work"),
    show_default=True,
    help="Copies go here.",
)
@click.option(
    "--peers",
    type=click.Path(path_type=Path, exists=True),
    help="The programs of the peers' environment.",
)
def main(models: Path | None, work: Path, peers: Path | None) -> None:
    """Prints the table."""
    if models is None:
        print("skipped: no models (give --models or AUDITOR_MODELS)")
        return
    work.mkdir(parents=True, exist_ok=True)
    gguf = models / "smollm2-135m-instruct-q4_1.gguf"
    base = unpacked(gguf, work)
    sources = {"base": base, "taught": taught(base, work)}
    pairs = [
        ("the GGUF itself (Q4_1)", "derived", gguf, base),
        ("taught by Qwen (LoRA merged)", "derived", sources["taught"], base),
    ]
    pairs += [(name, "derived", copy(name, sources, work), base) for name in COPIES]
    pairs += [
        (
            "taught by Qwen, against its teacher",
            "independent",
            sources["taught"],
            models / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        )
    ]
    pairs += [
        (
            f"{a.partition('-q4')[0]} against {b.partition('-q4')[0]}",
            "independent",
            models / a,
            models / b,
        )
        for a, b in STRANGERS
    ]
    tools = ("ours", "provenancekit", "modeldna") if peers is not None else ("ours",)
    rows = []
    for name, history, suspect, against in pairs:
        said = [run(tool, peers or Path(), suspect, against) for tool in tools]
        rows.append(
            (
                name,
                history,
                *(s["said"] for s in said),
                *(f"{s['cpu']:.1f} s, {s['mb']:.0f} MB" for s in said),
            )
        )
        print(rows[-1], file=sys.stderr, flush=True)
    labels = ["auditor", "provenancekit", "modeldna"][: len(tools)]
    table(("suspect", "history", *labels, *(f"{n}: CPU, memory" for n in labels)), rows)


if __name__ == "__main__":
    main()
