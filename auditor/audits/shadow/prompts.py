"""What every shadow learns from: the same prompts for all, where the candidates' answers allow it.

Students of different prompts differ by topic as well as by teacher. Reads recordings; asks nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from auditor.audits.shadow.plan import ShadowPlan
from auditor.controls.curation.pool import is_recording
from fingerprints.durable import replacing
from fingerprints.errors import MalformedInput, printable
from fingerprints.records import ProbeSet
from fingerprints.subjects import open_subject

BANK = "general"
FEWEST_SHARED = 24
FEWEST = 8


@dataclass(frozen=True)
class PromptSources:
    """Where each candidate's prompts come from (a bank's name or a path), the controls' source, and
    how many there are.

    ``characters`` is the mean length of a recorded answer by candidate. ``shared``: whether all
    learn from the same prompts.
    """

    by_teacher: Mapping[str, str]
    controls: str
    shared: bool
    counts: Mapping[str, int]
    characters: Mapping[str, float]


@dataclass(frozen=True)
class _Recorded:
    texts: Mapping[str, str]
    characters: float


def find_prompts(
    plan: ShadowPlan, probes: list[ProbeSet], folder: Path, write: bool = True
) -> PromptSources:
    """The prompts that all recorded candidates answered, written to ``folder/prompts.jsonl``; the
    bundled bank where none is recorded; else each recorded candidate's own, and the bank for all
    others.

    No prompt is among the probes. Deterministic. Raises MalformedInput for a recording with fewer
    than eight prompts left.
    """
    asked = {p.prompt_sha256() for s in probes for p in s.probes}
    held = {t.name: _recorded(t.name, t.spec, asked) for t in plan.teachers if is_recording(t.spec)}
    characters = {name: found.characters for name, found in held.items()}
    if not held:
        return PromptSources(dict.fromkeys(plan.names, BANK), BANK, True, {}, {})
    common = set.intersection(*(set(found.texts) for found in held.values()))
    if len(common) >= FEWEST_SHARED:
        texts = next(iter(held.values())).texts
        path = _written({key: texts[key] for key in common}, folder / "prompts.jsonl", write)
        counts = dict.fromkeys(plan.names, len(common))
        return PromptSources(dict.fromkeys(plan.names, path), path, True, counts, characters)
    sources = dict.fromkeys(plan.names, BANK)
    for name, found in held.items():
        sources[name] = _written(found.texts, folder / f"prompts-{name}.jsonl", write)
    return PromptSources(
        sources, BANK, len(plan.names) == 1, {k: len(v.texts) for k, v in held.items()}, characters
    )


def prompts_again(plan: ShadowPlan, folder: Path) -> PromptSources:
    """What is left to know where nothing is trained any more: whether the shadows in ``folder``
    learned from the same prompts. No candidate's answers are opened."""
    shared = len(plan.names) == 1 or not any(folder.glob("prompts-*.jsonl"))
    return PromptSources(dict.fromkeys(plan.names, BANK), BANK, shared, {}, {})


def _recorded(name: str, spec: str, asked: set[str]) -> _Recorded:
    with open_subject(spec) as subject:
        said = subject.recorded()
    texts: dict[str, str] = {}
    lengths = []
    for reply in said.replies:
        probe = said.probes.get(reply.probe_id)
        if probe is None or not reply.answered or probe.form == "completion" or probe.history:
            continue
        digest = probe.prompt_sha256()
        if digest not in asked:
            texts.setdefault(digest, probe.prompt())
            lengths.append(len(reply.answer))
    if len(texts) < FEWEST:
        raise MalformedInput(
            f"the recorded answers of {printable(name, 60)!r} hold {len(texts)} prompts that a"
            " shadow may learn from",
            where=printable(spec, 100),
            next_step=(
                f"record at least {FEWEST} answers to prompts that are none of the audit's probes"
            ),
        )
    return _Recorded(texts, sum(lengths) / len(lengths))


def _written(texts: Mapping[str, str], path: Path, write: bool) -> str:
    if write and not path.exists():
        lines = [
            json.dumps({"id": f"prompt/{key[:24]}", "prompt": texts[key]}, ensure_ascii=False)
            for key in sorted(texts)
        ]
        with replacing(path) as file:
            file.write(("\n".join(lines) + "\n").encode("utf-8"))
    return str(path)
