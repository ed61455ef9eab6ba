"""The commands that `tests.auditor.kills` kills: what each is called with, what it finds there, and
which modules it loads. Everybody in it is invented or tiny."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONCURRENCY = 4
World = Callable[[Path, str], None]
BEGUN = "begun"
"""What every run of a command finds in its folder, where there is such a thing."""


@dataclass(frozen=True)
class Killable:
    """A command that is killed: its line, with places for the folder of what it needs, for two
    models of the endpoint and for where it writes; which modules it loads, so that a fork has them;
    and what makes the world that it reads. ``children``: it does its work in other processes.
    ``journals``: where answers of the endpoint lie. ``repeats``: run again when all was done it
    does it once more, as a look.
    """

    line: str
    loads: tuple[str, ...]
    world: World
    children: bool = False
    journals: str = "**/*.jsonl"
    repeats: bool = False

    def argv(self, home: Path, url: str, out: Path) -> list[str]:
        """Its arguments: what it needs lies in ``home``, it asks at ``url`` and writes to ``out``."""
        named = {"spec": _spec(url), "other": _spec(url, "other"), "home": home, "out": out}
        # Split first: a folder's name may hold spaces.
        return [word.format(**named) for word in self.line.split()]


def _spec(url: str, model: str = "model") -> str:
    return f"openai:{model},base_url={url},concurrency={CONCURRENCY}"


def _nothing(home: Path, url: str) -> None:
    """Whoever is asked is all that is needed."""


def _stored(home: Path, url: str) -> None:
    from tests.recordings import stored

    stored(home)


def _recorded(home: Path, url: str) -> None:
    from tests.recordings import MAKERS, answers_of, write_jsonl

    (home / "answers").mkdir()
    for maker in MAKERS:
        write_jsonl(home / "answers" / f"{maker}.jsonl", answers_of(maker))


def _log(home: Path, url: str) -> None:
    from tests.auditor.audits.harvest.parrots import rows, write_log, write_twins

    write_twins(home / "twins.jsonl", write_log(home / "log.jsonl", rows()))


def _traffic(home: Path, url: str) -> None:
    from tests.auditor.audits.logs.made_logs import chats, hydra, write_jsonl

    rows = sorted(chats(60, 1) + hydra(12, 60, 2), key=lambda r: str(r["time"]))
    write_jsonl(home / "traffic.jsonl", rows)
    write_jsonl(home / "benign.jsonl", chats(300, 5, prefix="other"))


def _indexed(home: Path, url: str) -> None:
    """A store that every run gets a copy of."""
    from tests.recordings import stored

    (home / BEGUN).mkdir()
    stored(home / BEGUN)


def _cohort(home: Path, url: str) -> None:
    from tests.auditor.calibration.population import write_cohort, write_store

    write_cohort(home / "cohort")
    write_store(home / "teachers")


def _short_recipe(home: Path, **more: Any) -> Path:
    import yaml

    training = {"epochs": 1, "batch": 4, "longest": 128, "precision": "float32", "save_every": 2}
    recipe = {
        "name": "short",
        "teachers": [{"name": "", "spec": ""}],
        "training": {**training, "learning_rate": 1e-2},
        **more,
    }
    path = home / "short.yaml"
    path.write_text(yaml.safe_dump(recipe), "utf-8")
    return path


def _ladder(home: Path, url: str) -> None:
    """Two rungs, one of a teacher that is an endpoint and one of nobody; both are asked one probe
    set when they are trained."""
    import yaml

    from tests.auditor.controls.pupils import prompt_file
    from tests.recordings import answers_of, write_jsonl

    sources = {"sources": [str(prompt_file(home, 10))], "n": 10, "held_out": 2}
    ladder = {
        "format": "ladder/1",
        "name": "small",
        "recipe": str(_short_recipe(home, prompts=sources)),
        "size": "full",
        "teachers": [
            {"name": "alpha", "vendor": "a", "spec": _spec(url), "sampling": {"max_tokens": 32}}
        ],
        "nulls": [{"name": "alone", "kind": "untrained"}],
        "bases": ["scratch:llama-h32-l1"],
        "probes": "style:2",
        "max_tokens": 8,
    }
    write_jsonl(home / "gamma.jsonl", answers_of("gamma", n=14), model="gamma")
    (home / "ladder.yaml").write_text(yaml.safe_dump(ladder), "utf-8")


def _shadows(home: Path, url: str) -> None:
    """A tiny base and two recorded candidates; the suspect is an endpoint."""
    from tests.auditor.audits.shadow.small import base, teacher

    base(home)
    for manner in ("alpha", "beta"):
        teacher(home, manner)
    _short_recipe(home, prompts={"sources": ["general"]})


def _fleet(home: Path, url: str) -> None:
    """Two endpoints against two stores, and a recorded suspect."""
    from tests.auditor.fleet.fleets import answers, suspect, teachers, written

    teachers(home / "one", "alpha", "beta", "gamma")
    teachers(home / "two", "beta", "gamma", "delta")
    served = [{"name": name, "spec": _spec(url, name)} for name in ("served-1", "served-2")]
    written(home, [*served, suspect(home, "spoken")], [answers("./one", "./two")])


def _watched(home: Path, url: str) -> None:
    """Two endpoints that were looked at once."""
    from auditor.cli import run
    from tests.auditor.fleet.fleets import answers, written

    served = [{"name": name, "spec": _spec(url, name)} for name in ("served-1", "served-2")]
    written(home, served, [answers("bundled")])
    if run(COMMANDS["watch"].argv(home, url, home / BEGUN)):
        raise RuntimeError("the first look failed")


def _bases(home: Path, url: str) -> None:
    """A checkpoint, a copy of it in disguise, and strangers of the same shape."""
    from tests.auditor.audits.lineage.relatives import DISGUISE, base, copied

    for seed in range(4):
        base(home / f"base-{seed}", seed)
    copied(home / "base-1", home / "suspect", *DISGUISE)


COMMANDS: dict[str, Killable] = {
    "probe": Killable(
        "probe {spec} --probes identity:10,style:30 --out {out}/answers.jsonl",
        ("auditor.commands.probe", "httpx2"),
        _nothing,
    ),
    "store add": Killable(
        "store add {spec} --name m --vendor v --probes style:40 --store {out}/store",
        ("auditor.commands.store", "httpx2"),
        _nothing,
    ),
    "store import": Killable(
        "store import {home}/answers --vendor v --store {out}/store",
        ("auditor.commands.store", "fingerprints.recordings"),
        _recorded,
    ),
    "store rebuild": Killable(
        "store rebuild --store {out}/teachers",
        ("auditor.commands.store",),
        _indexed,
    ),
    "audit": Killable(
        "audit {spec} --store {home}/teachers --calibration none --probes identity:10,style:30"
        " --detectors self_identification --out {out}/report",
        ("auditor.audits.inheritance.audit", "auditor.commands.audit", "httpx2"),
        _stored,
    ),
    "service": Killable(
        "service {spec} {other} --all --questions 20 --samples 2 --reference-samples 2"
        " --max-tokens 8 --out {out}/report",
        ("auditor.audits.service.audit", "auditor.commands.service", "httpx2"),
        _nothing,
    ),
    "policy": Killable(
        "policy {spec} {other} --topics drugs,advice --out {out}/report",
        ("auditor.audits.policy.audit", "auditor.commands.policy", "httpx2"),
        _nothing,
    ),
    "twins draw": Killable(
        "twins draw {home}/log.jsonl --teacher {spec} --served-as teacher --out {out}/twins.jsonl",
        ("auditor.commands.twins", "httpx2"),
        _log,
    ),
    "harvest": Killable(
        "harvest {spec} --log {home}/log.jsonl --twins {home}/twins.jsonl --samples 0"
        " --out {out}/report",
        ("auditor.audits.harvest.audit", "auditor.commands.harvest", "httpx2"),
        _log,
    ),
    "logs scan": Killable(
        "logs scan {home}/traffic.jsonl --benign {home}/benign.jsonl --window 7d --out {out}/scan",
        ("auditor.audits.logs.run", "auditor.commands.logs", "duckdb"),
        _traffic,
    ),
    "logs scan --follow": Killable(
        "logs scan {home}/traffic.jsonl --benign {home}/benign.jsonl --window 1d"
        " --follow --once --out {out}/scan",
        ("auditor.audits.logs.follow", "auditor.commands.logs", "duckdb"),
        _traffic,
    ),
    "lineage": Killable(
        "lineage {home}/suspect {home}/base-0 {home}/base-1 {home}/base-2 {home}/base-3"
        " --out {out}/report",
        ("auditor.audits.lineage.run", "auditor.commands.lineage"),
        _bases,
    ),
    "calibrate": Killable(
        "calibrate {home}/cohort --store {home}/teachers --detectors neighbours --prompts 40"
        " --out {out}/calibration.json",
        ("auditor.commands.calibrate", "detectors.inheritance.neighbours"),
        _cohort,
    ),
    "control ladder": Killable(
        "control ladder {home}/ladder.yaml --out {out}/cohort",
        (
            *("torch", "transformers", "auditor.controls.train", "auditor.commands.ladder"),
            *("auditor.labs.population.climbing", "httpx2"),
        ),
        _ladder,
        journals="cohort/*/answers/*.jsonl",
    ),
    "shadow": Killable(
        "shadow --suspect {spec} --base hf:{home}/base/student"
        " --teachers {home}/alpha.jsonl,{home}/beta.jsonl --recipe {home}/short.yaml --size tiny"
        " --seeds 2 --n 8 --probes style:20 --max-tokens 8 --out {out}/audit",
        (
            *("torch", "transformers", "auditor.controls.train", "auditor.commands.shadow"),
            *("auditor.audits.shadow.audit", "httpx2"),
        ),
        _shadows,
        journals="audit/report/transcript.jsonl",
    ),
    "fleet": Killable(
        "fleet {home}/fleet.yaml --out {out}/fleet --jobs 1",
        ("auditor.commands.fleet", "auditor.fleet.run"),
        _fleet,
        children=True,
        journals="fleet/asked/served-*/*.jsonl",
    ),
    "watch": Killable(
        "watch {home}/fleet.yaml --out {out} --once --jobs 1",
        ("auditor.commands.watch", "auditor.fleet.run"),
        _watched,
        children=True,
        repeats=True,
    ),
}
