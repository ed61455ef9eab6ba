"""`auditor probe`: ask a subject and keep what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.commands.options import AS_JSON, PROBES, placed, sampling_options, sampling_values
from auditor.console import progress_on, put, put_json, say
from fingerprints.collect import collect
from fingerprints.probes import PRESETS, parse_probes
from fingerprints.records import Sampling
from fingerprints.subjects import open_subject


@click.command()
@click.argument("spec")
@click.option(
    "--out",
    metavar="FILE",
    required=True,
    help="The transcript (JSONL). An unfinished one is resumed.",
)
@PROBES
@sampling_options
@AS_JSON
def probe(
    spec: str,
    out: str,
    probes: str | None,
    as_json: bool,
    device: str | None,
    dtype: str | None,
    **flags: Any,
) -> int:
    """Ask SPEC the probe sets and record a transcript.

    Ctrl-C, a kill or a dead endpoint lose at most the answers in flight: the same command goes on
    from there.

    \b
    Examples:
      auditor probe ./model.gguf --out model.jsonl --probes full
      auditor probe anthropic:NAME,concurrency=8 --out claude.jsonl --probes quick
      auditor probe openai:NAME,base_url=http://localhost:8000/v1 --out service.jsonl \\
          --probes identity,style:96
    """
    choices = parse_probes(probes) if probes else PRESETS["standard"]
    sets = [choice.load() for choice in choices]
    sampling = Sampling.model_validate(sampling_values(**flags))
    with progress_on("opening") as progress, open_subject(placed(spec, device, dtype)) as subject:
        transcript = collect(subject, sets, sampling, Path(out), progress.step("asking"))
    summary = {
        "transcript": out,
        "complete": transcript.complete,
        "replies": len(transcript.replies),
        "counts": transcript.counts(),
        "answers_sha256": transcript.digest(),
        "events": [event.model_dump(exclude={"type"}) for event in transcript.events],
    }
    for event in transcript.events:
        say(f"{event.kind.replace('_', ' ')}: {event.detail}")
    if as_json:
        put_json(summary)
    else:
        told = ", ".join(
            f"{count} {status}" for status, count in sorted(transcript.counts().items())
        )
        put(
            f"{out}: {len(transcript.replies)} replies ({told}),"
            f" {'complete' if transcript.complete else 'incomplete'}"
        )
    return 0
