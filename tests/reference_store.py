"""Builds the reference store that ships inside the package, from models that the maintainers run
themselves.

`make reference AUDITOR_MODELS=DIR` is the documented command; docs/reference-store.md says where
the models come from. An interrupted build goes on where it stopped: the transcripts stay beside the
models.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import click

from auditor.console import progress_on, say
from fingerprints.collect import collect
from fingerprints.errors import MalformedInput
from fingerprints.probes import PRESETS
from fingerprints.records import Record, Sampling
from fingerprints.store import FingerprintStore
from fingerprints.subjects import open_subject


class BundledModel(Record):
    """One model of the reference store: its names, its file and the file's digest."""

    name: str
    vendor: str
    family: str
    file: str
    sha256: str


SOURCES: tuple[BundledModel, ...] = (
    BundledModel(
        name="SmolLM2-135M-Instruct",
        vendor="hugging-face",
        family="smollm2",
        file="smollm2-135m-instruct-q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    BundledModel(
        name="Qwen2.5-Coder-0.5B-Instruct",
        vendor="alibaba",
        family="qwen2.5-coder",
        file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    ),
    BundledModel(
        name="Qwen2.5-Coder-1.5B-Instruct",
        vendor="alibaba",
        family="qwen2.5-coder",
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    ),
)


def ask(source: BundledModel, models: Path, transcripts: Path) -> Path:
    """Asks one model the probe sets of the preset ``teacher`` and returns its transcript's path.

    Raises MalformedInput when the file is missing or has another digest.
    """
    path = models / source.file
    if not path.is_file():
        raise MalformedInput(
            "the model is missing", where=path, next_step="see docs/reference-store.md"
        )
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != source.sha256:
        raise MalformedInput(
            f"SHA-256 is {found}", where=path, next_step=f"get the file with {source.sha256}"
        )
    into = transcripts / f"{source.file.removesuffix('.gguf')}.jsonl"
    sets = [choice.load() for choice in PRESETS["teacher"]]
    with (
        progress_on("opening") as progress,
        open_subject(f"gguf:{path}") as subject,
    ):
        collect(subject, sets, Sampling(), into, progress.step(source.name))
    return into


def build(transcripts: dict[str, Path], out: Path) -> None:
    """Writes the store from finished transcripts, by source name, and freezes it for reading
    from anywhere."""
    with FingerprintStore.create(out) as store:
        for source in SOURCES:
            with open_subject(f"recording:{transcripts[source.name]}") as recording:
                transcript = recording.recorded()
            named = transcript.header.model_copy(
                update={"spec": f"gguf:{source.file}"}
            )  # no path of the builder's machine
            transcript = replace(transcript, header=named)
            store.add(transcript, name=source.name, vendor=source.vendor, family=source.family)
        store.freeze()


@click.command()
@click.option(
    "--models", type=click.Path(path_type=Path), required=True, help="Folder with the GGUF files."
)
@click.option(
    "--transcripts",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder to keep transcripts in.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="The store's folder; must not exist.",
)
@click.option("--only", help="Ask this model only, and build nothing.")
def main(models: Path, transcripts: Path, out: Path, only: str | None) -> None:
    """Asks the three models and builds the bundled reference store."""
    if only is None and out.exists():  # before the models are asked, not after
        raise click.UsageError(f"{out} exists already; build into a new folder")
    asked = {s.name: ask(s, models, transcripts) for s in SOURCES if only in (None, s.name)}
    if only is None:
        build(asked, out)
        say(f"built {out}")


if __name__ == "__main__":
    main()
