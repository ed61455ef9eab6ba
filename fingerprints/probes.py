"""Reads probe sets: those that ship with the package, by name, and a user's own, by path; and tells
which of them are asked.

Knows YAML and names; knows nothing of models.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.record_files import bundled_names, bundled_text, first_problem
from fingerprints.records import Arm, ProbeSet, ProbeSetRef, Record

LARGEST_FILE = 16_000_000


class ProbeChoice(Record):
    """Which probe set, how many of its first probes (all by default) and in which arms (the
    set's own by default)."""

    set: str
    head: Annotated[int, Field(ge=1)] | None = None
    arms: tuple[Arm, ...] | None = None

    def load(self) -> ProbeSet:
        """The probe set as chosen. Raises what `load_probe_set` raises."""
        chosen = load_probe_set(self.set).head(self.head)
        return chosen if self.arms is None else chosen.model_copy(update={"arms": self.arms})


def bundled_probe_sets() -> list[str]:
    """Names of the probe sets that ship with the package, in alphabetical order."""
    return bundled_names("fingerprints", "probesets")


def load_probe_set(name_or_path: str) -> ProbeSet:
    """A bundled probe set by name (``identity``), or one from a YAML file.

    Raises UsageProblem for an unknown name and MalformedInput for a file that is missing or not a
    probe set.
    """
    if name_or_path in bundled_probe_sets():
        text = bundled_text("fingerprints", "probesets", name_or_path)
        return parse_probe_set(text, name_or_path, ours=True)
    path = Path(name_or_path)
    if not path.suffix:
        raise _unknown(name_or_path)
    return parse_probe_set(
        text_of(path, LARGEST_FILE, "split the probe set", "check --probes"), str(path)
    )


def _unknown(name: str) -> UsageProblem:
    """No set is called so: the nearest name, the presets and the sets that ship."""
    if name in PRESETS:
        return UsageProblem(
            f"{name!r} is a preset, which stands alone",
            where="--probes",
            next_step=f"use --probes {name}, or name sets, as in identity,style:96",
        )
    sets = bundled_probe_sets()
    near = get_close_matches(name.casefold()[:60], [*PRESETS, *sets], 1)
    slip = f"did you mean {near[0]!r}? " if near else ""
    return UsageProblem(
        f"no preset and no probe set is called {printable(name, 60)!r}",
        where="--probes",
        next_step=f"{slip}presets: {', '.join(PRESETS)}; sets: {', '.join(sets)}; or the path of a"
        " YAML file",
    )


# Many times as fast, where it is built in; but it ends the program on what is nested too deeply, so
# that it is for files of our own only.
_OURS = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


@lru_cache(maxsize=64)
def parse_probe_set(text: str, where: str, ours: bool = False) -> ProbeSet:
    """A probe set from YAML text; the set's form, and its kind where it names one, are those of
    every probe that has none of its own; ``ours`` tells that the text ships with the package.
    Raises MalformedInput with the first problem.

    Remembered, since nothing changes a set that was read and an audit asks for each several times.
    """
    try:
        value: Any = yaml.load(text, Loader=_OURS if ours else yaml.SafeLoader)  # noqa: S506  (both are safe loaders)
        if not isinstance(value, dict) or not isinstance(value.get("probes"), list):
            raise ValueError("it has no list called 'probes'")
        usual = {"form": value.get("form", "chat")}
        if "kind" in value:
            usual["kind"] = value.pop("kind")
        value["probes"] = [{**usual, **probe} for probe in value["probes"]]
        return ProbeSet.model_validate(value)
    except ValidationError as error:
        raise _bad(first_problem(error), where) from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise _bad(" ".join(str(error).split()), where) from error


def reference(probe_set: ProbeSet) -> ProbeSetRef:
    """The set's name, version, digest (of the whole set) and number of probes asked."""
    digest = probe_set.whole or probe_set.digest()
    return ProbeSetRef(
        name=probe_set.name, version=probe_set.version, sha256=digest, n=len(probe_set.probes)
    )


def _bad(reason: str, where: str) -> MalformedInput:
    return MalformedInput(
        f"not a probe set: {printable(reason, 160)}",
        where=where,
        next_step="compare it with the files in fingerprints/probesets/",
    )


def text_of(path: Path, largest: int, too_large: str, unreadable: str) -> str:
    """The text of a file of the user's. Raises MalformedInput with what to do next: where it is
    above ``largest`` bytes, and where it is no file that can be read or no UTF-8."""
    try:
        if path.stat().st_size > largest:
            raise MalformedInput(f"larger than {largest:,} bytes", where=path, next_step=too_large)
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise MalformedInput(
            f"can't be read: {reason}", where=path, next_step=unreadable
        ) from error


def parse_probes(text: str) -> tuple[ProbeChoice, ...]:
    """Probe choices from a flag: a preset's name, or ``identity,style:96`` (a set, and how many of
    its first probes).

    Raises UsageProblem for a count that is not a positive number.

    >>> [(c.set, c.head) for c in parse_probes("identity,style:96")]
    [('identity', None), ('style', 96)]
    """
    return PRESETS.get(text) or _choices(text)


def _choices(text: str) -> tuple[ProbeChoice, ...]:
    return tuple(_choice(part.strip()) for part in text.split(",") if part.strip())


def _choice(part: str) -> ProbeChoice:
    name, colon, count = part.rpartition(":")
    if not colon or not count.isdigit():
        return ProbeChoice(set=part)
    if int(count) < 1:
        raise UsageProblem(
            f"{printable(part, 60)!r} asks no probe",
            where="--probes",
            next_step="write for instance style:96",
        )
    return ProbeChoice(set=name, head=int(count))


PRESETS = {
    "quick": _choices("identity:44,style:72"),
    "standard": _choices("identity,leading,style:96"),
    "teacher": _choices("identity,leading,style:96,choices,openings"),
    "full": _choices("identity,leading,style,choices,openings,policy"),
}
"""What is asked, by name: ``quick`` for a first look, ``standard`` for a report, ``teacher`` for
a store, ``full`` for all."""
