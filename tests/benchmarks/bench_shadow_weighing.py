"""How long a shadow audit weighs: the judgement itself, and every verdict once more without each
seed, source and set of prompts.

``python -m tests.benchmarks.bench_shadow_weighing --teachers 12 --seeds 20`` prints processor seconds, in
one process and as many threads as ``OMP_NUM_THREADS`` says. Answers are invented: no model is
trained or asked. ``--kept FILE`` keeps verdicts and rows as JSON, to be compared with another
version's.
"""

from __future__ import annotations

import json
import os
import random
import resource
import time
from functools import cache
from pathlib import Path

import click

from auditor.audits.shadow.judging import judge
from auditor.audits.shadow.sensitivity import sensitivity
from detectors.base import Shadow, Teacher
from fingerprints.records import Arm, Identity, Probe, ProbeSet, Reply, Status
from fingerprints.transcript import Header, Transcript
from tests.recordings import NOUNS, questions

SYLLABLES = [
    "ka",
    "lo",
    "mi",
    "ter",
    "an",
    "is",
    "ver",
    "tion",
    "ly",
    "con",
    "de",
    "re",
    "ing",
    "al",
    "per",
    "so",
]
SMALL = [
    "the",
    "of",
    "a",
    "to",
    "and",
    "in",
    "is",
    "that",
    "it",
    "for",
    "with",
    "as",
    "this",
    "are",
    "can",
    "be",
]
MARKS = (". ", ", ", "! ", "; ", ":\n- ", ".\n\n", " (", ") ")
CONTROLS = ("none", "look", "human")
SHARE = 0.12
"""How much of a student's answers is in its teacher's sentences and not in the base's."""


@cache
def sentences(name: str) -> tuple[str, ...]:
    """What a model likes to say, in words of its own."""
    draw = random.Random(f"sentences/{name}")
    words = ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 3))) for _ in range(400)]

    def word() -> str:
        said = draw.choice(SMALL) if draw.random() < 0.45 else draw.choice(words)
        return said + (draw.choice(MARKS) if draw.random() < 0.12 else " ")

    return tuple("".join(word() for _ in range(16)).strip() + "." for _ in range(20))


def said(source: str, seed: int, prompts: int) -> Transcript:
    """What a student of ``source`` answers, in some 450 characters each."""
    draw = random.Random(f"{source}/{seed}")
    asked = questions(prompts)
    probes = {
        f"recorded/{i:03d}": Probe(id=f"recorded/{i:03d}", text=q) for i, q in enumerate(asked)
    }
    replies = []
    for i, key in enumerate(probes):
        parts = [
            draw.choice(sentences(source if draw.random() < SHARE else "base")) for _ in range(5)
        ]
        parts.insert(draw.randrange(5), f"The {NOUNS[i % len(NOUNS)]} {draw.choice(NOUNS)}s.")
        replies.append(
            Reply(probe_id=key, arm=Arm.RECORDED, status=Status.OK, text=" ".join(parts))
        )
    name = f"{source}-{seed}"
    identity = Identity(kind="recording", name=name, recording_sha256=name)
    return Transcript(Header(spec=f"recording:{name}", identity=identity), probes, tuple(replies))


def world(teachers: int, seeds: int, prompts: int) -> tuple[list[str], list[Shadow]]:
    """Candidates and shadows: students of each, controls of three kinds, the base itself."""
    names = [f"teacher-{i:02d}" for i in range(teachers)]
    found = [
        Shadow(f"{name}-{s}", said(name, s, prompts), (name,), "", s)
        for name in names
        for s in range(1, seeds + 1)
    ]
    found += [
        Shadow(f"{kind}-{s}", said(kind, s, prompts), (), kind, s)
        for kind in CONTROLS
        for s in range(1, seeds + 1)
    ]
    return names, [*found, Shadow("untrained", said("base", 0, prompts), (), "untrained", None)]


@click.command()
@click.option("--teachers", type=click.IntRange(1), default=12, show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=20, show_default=True)
@click.option("--prompts", type=click.IntRange(20), default=60, show_default=True)
@click.option("--kept", type=click.Path(path_type=Path, dir_okay=False))
def main(teachers: int, seeds: int, prompts: int, kept: Path | None) -> None:
    """Weigh a suspect against invented shadows, and print what that took."""
    names, shadows = world(teachers, seeds, prompts)
    base = Teacher("base", "", "", said("base", 0, prompts))
    suspect = said(names[-1], 99, prompts)
    probes, cut = tuple(suspect.probes.values()), prompts * 2 // 3
    sets = [
        ProbeSet(name="most", version="1", max_tokens=64, probes=probes[:cut]),
        ProbeSet(name="few", version="1", max_tokens=64, probes=probes[cut:]),
    ]
    started = time.process_time()
    found = judge(suspect, base, shadows, names, "")
    judged = time.process_time()
    told = sensitivity(found, suspect, base, shadows, names, sets)
    ended = time.process_time()
    row = {
        "shadows": len(shadows),
        "candidates": teachers,
        "prompts": prompts,
        "pieces": 0 if told is None else len(told.shadows) + len(told.prompts),
        "judgement_seconds": round(judged - started, 1),
        "sensitivity_seconds": round(ended - judged, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        "load": round(os.getloadavg()[1], 1),
    }
    print(json.dumps(row))
    if kept is not None:
        rows = [] if told is None else [r.model_dump(mode="json") for r in told.rows]
        verdicts = [v.model_dump(mode="json") for v in found.verdicts]
        kept.write_text(json.dumps({"verdicts": verdicts, "rows": rows}))


if __name__ == "__main__":
    main()
