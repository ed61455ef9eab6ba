"""The prompt pool: prompts of banks, files and recordings in one list.

Refuses a probe set of the audit as a source. Knows files; knows neither curation nor models.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auditor.controls.curation.decontaminate import refuse_probe_set
from auditor.controls.curation.human import DOCSTRINGS, is_docstrings, pairs_of
from auditor.controls.recipe import BASE, RECORDED, Recipe
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.probes import bundled_probe_sets, load_probe_set, parse_probe_set, text_of
from fingerprints.record_files import bundled_names, bundled_text
from fingerprints.records import Probe, ProbeId, ProbeSet, Record, canonical_json
from fingerprints.subjects import open_subject
from fingerprints.subjects.spec import parse_spec

LARGEST_FILE = 256_000_000
TEXT_FIELDS = ("prompt", "instruction", "question", "text")
NAMED_FIELDS = ("id", "topic", "answer", "licence")


class Prompt(Record):
    """One question to a teacher. ``answer`` is the known right one, where there is one;
    ``source`` where it came from."""

    id: ProbeId
    text: str
    topic: str = ""
    answer: str | None = None
    licence: str = ""
    source: str = ""

    def probe(self) -> Probe:
        """The prompt as something to ask a subject."""
        return Probe(id=self.id, text=self.text, topic=self.topic, answer=self.answer)


def bundled_banks() -> list[str]:
    """Names of the prompt banks that ship with the package, in alphabetical order."""
    return bundled_names("auditor", "controls", "prompts")


def read_pool(recipe: Recipe) -> list[Prompt]:
    """Every prompt of the recipe's sources, in order, each id and text once.

    Raises MalformedInput for a source that is missing, empty, malformed or one of the audit's probe
    sets, and UsageProblem for an unknown bank.
    """
    pool: dict[str, Prompt] = {}
    for source in recipe.prompts.sources:
        found = _recorded(recipe) if source == RECORDED else read_source(source)
        if not found:
            raise MalformedInput(
                "the prompt source is empty", where=source, next_step="check prompts.sources"
            )
        for prompt in found:
            _check_text(prompt, source)
        refuse_probe_set([(p.id, p.text) for p in found], source)
        for prompt in found:
            known = pool.setdefault(prompt.id, prompt)
            if known.text != prompt.text:
                raise MalformedInput(
                    f"two prompts have the id {printable(prompt.id, 80)!r}",
                    where=source,
                    next_step="give one another id",
                )
    return list(pool.values())


def _check_text(prompt: Prompt, source: str) -> None:
    try:
        canonical_json(prompt.model_dump(mode="json"))
    except ValueError as error:
        raise MalformedInput(
            f"the prompt {printable(prompt.id, 80)!r} holds characters that no UTF-8 file can hold",
            where=source,
            next_step="remove the lone surrogates",
        ) from error


def read_source(name_or_path: str) -> list[Prompt]:
    """The prompts of a bundled bank, or of a YAML or JSONL file. Raises as `read_pool`."""
    if name_or_path in bundled_banks():
        text = bundled_text("auditor", "controls", "prompts", name_or_path)
        return _of_set(parse_probe_set(text, name_or_path), name_or_path)
    if name_or_path in bundled_probe_sets():
        probes = load_probe_set(name_or_path).probes
        refuse_probe_set([(p.id, p.prompt()) for p in probes], name_or_path)
    if is_docstrings(name_or_path):
        return _of_docstrings(name_or_path)
    path = Path(name_or_path)
    if not path.suffix:
        raise UsageProblem(
            f"no prompt bank is called {printable(name_or_path, 60)!r}",
            where="prompts.sources",
            next_step=(
                f"use one of {', '.join([*bundled_banks(), DOCSTRINGS, RECORDED])}, or the path of"
                " a YAML or JSONL file"
            ),
        )
    text = text_of(path, LARGEST_FILE, "split the file", "check prompts.sources")
    if path.suffix in (".yaml", ".yml"):
        return _of_set(parse_probe_set(text, str(path)), path.name)
    lines = enumerate(text.split("\n"), 1)
    return [_of_line(line, path, number) for number, line in lines if line.strip()]


def _of_set(probe_set: ProbeSet, source: str) -> list[Prompt]:
    return _of_probes(probe_set.probes, probe_set.licence, source)


def _of_probes(probes: Iterable[Probe], licence: str, source: str) -> list[Prompt]:
    """What asks a question of its own: no text to go on with, and nothing said before."""
    return [
        Prompt(
            id=p.id, text=p.prompt(), topic=p.topic, answer=p.answer, licence=licence, source=source
        )
        for p in probes
        if p.form != "completion" and not p.history
    ]


def _of_docstrings(spec: str) -> list[Prompt]:
    return [
        Prompt(id=p.id, text=p.prompt, topic=p.package, licence=p.licence, source=spec)
        for p in pairs_of(spec)
    ]


def is_recording(spec: str) -> bool:
    """Whether a spec names answers that are there: a recording, or the corpus of docstrings."""
    return is_docstrings(spec) or (spec != BASE and parse_spec(spec).kind.recorded)


def _of_line(line: str, path: Path, number: int) -> Prompt:
    try:
        value: Any = json.loads(line)
        if not isinstance(value, dict):
            raise ValueError("not an object")
        text = next((value[name] for name in TEXT_FIELDS if value.get(name)), None)
        if not isinstance(text, str):
            raise ValueError(f"no prompt (none of the fields {', '.join(TEXT_FIELDS)})")
        known = {k: str(v) for k, v in value.items() if k in NAMED_FIELDS and v is not None}
        # Without an id of its own a prompt is known by what it asks, wherever it stands.
        if "id" not in known:
            known["id"] = f"prompt/{Probe(id='?', text=text).prompt_sha256()[:24]}"
        return Prompt(text=text, source=path.name, **known)
    except (ValueError, RecursionError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise MalformedInput(
            f"line {number} is no prompt: {printable(reason, 120)}",
            where=path,
            next_step="write one JSON object a line",
        ) from error


def _recorded(recipe: Recipe) -> list[Prompt]:
    """The prompts that the recipe's recordings hold, in the order of their ids."""
    specs = [t.spec for t in recipe.sources if is_recording(t.spec)]
    if not specs:
        raise UsageProblem(
            f"the recipe {recipe.name!r} takes its prompts from recorded answers, and none of its"
            " sources is a recording",
            where="prompts.sources",
            next_step="give recording:PATH as teacher or filler, or another source with --prompts",
        )
    return _merged(_prompts_of(spec) for spec in specs)


def _prompts_of(spec: str) -> list[Prompt]:
    if is_docstrings(spec):
        return _of_docstrings(spec)
    with open_subject(spec) as subject:
        probes = subject.recorded().probes.values()
        return _of_probes(sorted(probes, key=lambda p: p.id), "", subject.identity.name)


def _merged(lists: Iterable[Sequence[Prompt]]) -> list[Prompt]:
    out: dict[str, Prompt] = {}
    for prompts in lists:
        for prompt in prompts:
            out.setdefault(prompt.probe().prompt_sha256(), prompt)
    return list(out.values())
