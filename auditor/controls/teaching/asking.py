"""Asks one source its prompts: from its recording, its cache and its journal first, and itself only
for what none of them has.

Knows subjects and replies; knows neither doses nor examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auditor.controls.answer_cache import cached
from auditor.controls.curation.pool import Prompt
from auditor.controls.recipe import TeacherChoice
from detectors.text.lexicons import REFUSALS
from fingerprints.collect import collect, requests_for
from fingerprints.progress import SILENT, Progress
from fingerprints.records import ProbeSet, Reply, Status
from fingerprints.subjects import Subject
from fingerprints.subjects.kinds import kind_of, scheme_in
from fingerprints.subjects.spec import parse_spec

THINK, END_THINK = "<think>", "</think>"
DEFAULT_TOKENS = 256


def ask(
    subject: Subject,
    teacher: TeacherChoice,
    prompts: Sequence[Prompt],
    journal: Path,
    progress: Progress = SILENT,
) -> dict[str, list[Reply]]:
    """Every reply to each prompt, by its id, in order of sample; asks only what isn't known.

    A recording is looked up and nothing is written. Raises what `collect` raises.
    """
    probes = tuple(p.probe() for p in prompts)
    asked = ProbeSet(
        name="prompts",
        version="1",
        arms=(teacher.arm,),
        max_tokens=teacher.sampling.max_tokens or DEFAULT_TOKENS,
        probes=probes,
    )
    if "recorded" in subject.offers:
        # A recording has as many samples as it has: that it lacks a second one is no failure.
        held = subject.generate(requests_for([asked], teacher.sampling))
        found = [r for r in held if r.sample == 0 or r.status is not Status.ERROR]
    else:
        found = list(collect(cached(subject), [asked], teacher.sampling, journal, progress).replies)
    out: dict[str, list[Reply]] = {p.id: [] for p in prompts}
    for reply in sorted(found, key=lambda r: r.sample):
        if reply.probe_id in out:
            out[reply.probe_id].append(reply)
    return out


def split_thinking(text: str) -> tuple[str | None, str] | None:
    """What stood between think tags (or None), and the answer; None where thinking never ended.

    Some chat templates open the thinking themselves, so that an answer begins inside it.

    >>> split_thinking("<think>2+2=4</think>It is 4.")
    ('2+2=4', 'It is 4.')
    """
    head, end, answer = text.partition(END_THINK)
    if end:
        return head.strip().removeprefix(THINK).strip() or None, answer.strip()
    return None if text.lstrip().startswith(THINK) else (None, text.strip())


def refuses(text: str) -> bool:
    """Whether a text begins with a refusal."""
    # A refusal stands at the start; further on the phrases are ordinary words.
    start = text[:80].lower().replace("’", "'")
    return any(phrase in start for phrase in REFUSALS)


def prices_of(spec: str) -> tuple[float | None, float | None]:
    """What a million tokens in and out cost, as the spec says; None where it does not."""
    scheme = scheme_in(spec)
    if scheme is None or "price_in" not in kind_of(scheme).options:
        return None, None
    options = parse_spec(spec).options
    said = (options.get(name) for name in ("price_in", "price_out"))
    price_in, price_out = (None if text is None else float(text) for text in said)
    return price_in, price_out
