"""Text by people that is always at hand: the docstrings of packages installed anyway.

NumPy, SciPy, scikit-learn (BSD-3-Clause) and Python's own library (PSF-2.0). It is technical prose
and no chat, and most of it was written before there were chat models; that none of it came from one
is not certified. Imports public modules of a fixed list, reads and runs nothing else of them.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import platform
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from types import ModuleType

from auditor.controls.curation.docstrings import prose_of
from auditor.controls.curation.duplicates import first_twins
from auditor.controls.curation.human_modules import HOUSES, House
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.recordings.recording import RecordedSubject
from fingerprints.records import Arm, Identity, Probe, Record, Reply, Status, canonical_json, sha256
from fingerprints.transcript import Header, Transcript

DOCSTRINGS = "docstrings"
"""The spec and the prompt source that stand for this corpus; ``docstrings:numpy`` is one house
of it."""
NEAR_DUPLICATE = 0.7
PACKAGES = tuple(HOUSES)
NOTE = (
    "written by people as far as is known: docstrings of installed packages, not certified free of"
    " a model's text"
)

ASKS = {
    "module": (
        "What is the module `{}` for?",
        "Describe the module `{}`.",
        "Give me an overview of `{}`.",
    ),
    "class": (
        "What is `{}`?",
        "Explain the class `{}`.",
        "What is the class `{}` for?",
        "Describe `{}`.",
    ),
    "function": (
        "What does `{}` do?",
        "Explain what `{}` does.",
        "What is `{}` for?",
        "Describe the function `{}`.",
    ),
}


class HumanPair(Record):
    """A question about a public name, ``name`` in full, and what its authors wrote of it."""

    name: str
    prompt: str
    answer: str
    package: str
    version: str
    licence: str

    @property
    def id(self) -> str:
        """The pair's id as a prompt."""
        return f"{DOCSTRINGS}/{self.name}"


@functools.cache
def human_pairs(packages: tuple[str, ...] = PACKAGES) -> tuple[HumanPair, ...]:
    """Every question and answer of these packages, near duplicates (Jaccard 0.7) dropped.

    In order of the packages given, then of the module list, then of name; the same for the same
    versions on one platform. Imports the packages. Raises UsageProblem for an unknown package,
    MalformedInput where Python runs without docstrings.
    """
    unknown = [name for name in packages if name not in HOUSES]
    if unknown or not packages:
        told = f"no docstrings are read of {printable(unknown[0], 40)!r}" if unknown else ""
        raise UsageProblem(
            told or "no package is named",
            where=DOCSTRINGS,
            next_step=f"use {DOCSTRINGS}, or {DOCSTRINGS}: and one of {', '.join(HOUSES)}",
        )
    found = [pair for name in dict.fromkeys(packages) for pair in _pairs(name, HOUSES[name])]
    twins = first_twins([pair.answer for pair in found], NEAR_DUPLICATE)
    kept = tuple(pair for pair, twin in zip(found, twins, strict=True) if twin is None)
    if not kept:
        raise MalformedInput(
            "no docstrings are there", where=DOCSTRINGS, next_step="run Python without -OO"
        )
    return kept


def _pairs(package: str, house: House) -> Iterator[HumanPair]:
    release = version(house.distribution) if house.distribution else platform.python_version()
    known: set[str] = set()
    for module in house.modules:
        for name, kind, docstring in _documented(module):
            answer = prose_of(docstring)
            if answer and name not in known:
                known.add(name)
                prompt = _asked(name, kind)
                yield HumanPair(
                    name=name,
                    prompt=prompt,
                    answer=answer,
                    package=package,
                    version=release,
                    licence=house.licence,
                )


def _asked(name: str, kind: str) -> str:
    """The question about a name: its wording is chosen by the name's digest."""
    asks = ASKS[kind]
    return asks[int(sha256(name)[:8], 16) % len(asks)].format(name)


def _documented(module: str) -> list[tuple[str, str, str]]:
    """(qualified name, kind, docstring) of a module and its public functions and classes; none
    where it isn't there."""
    with warnings.catch_warnings():
        # That a module is on its way out is no news to a reader of its docstring.
        warnings.simplefilter("ignore")
        if importlib.util.find_spec(module) is None:
            return []
        held = importlib.import_module(module)
        prefix = "" if module == "builtins" else f"{module}."
        named = [(module, held), *((f"{prefix}{n}", value) for n, value in _public(held))]
        documented = [(name, _kind(value), inspect.getdoc(value)) for name, value in named]
    return [(name, kind, docstring) for name, kind, docstring in documented if docstring]


def _kind(value: object) -> str:
    if isinstance(value, ModuleType):
        return "module"
    return "class" if inspect.isclass(value) else "function"


def _public(module: ModuleType) -> list[tuple[str, object]]:
    """What a module offers itself, by name: its ``__all__``, else what was defined in it.
    Nothing is loaded on demand."""
    here = vars(module)
    own = [n for n, v in here.items() if getattr(v, "__module__", "") == module.__name__]
    listed = here.get("__all__")
    names = {n for n in (own if listed is None else listed) if n in here and not n.startswith("_")}
    return [(n, here[n]) for n in sorted(names) if _explains(here[n])]


def _explains(value: object) -> bool:
    # NumPy's and SciPy's ufuncs are functions, and `inspect` knows them for none.
    ufunc = type(value).__name__ == "ufunc"
    return ufunc or inspect.isroutine(value) or inspect.isclass(value)


def is_docstrings(spec: str) -> bool:
    """Whether a spec or a prompt source names this corpus."""
    return spec == DOCSTRINGS or spec.startswith(f"{DOCSTRINGS}:")


def pairs_of(spec: str) -> tuple[HumanPair, ...]:
    """The pairs that a spec names: ``docstrings`` all of them, ``docstrings:numpy`` one house.
    Raises as `human_pairs`."""
    house = spec.removeprefix(DOCSTRINGS).removeprefix(":")
    return human_pairs((house,)) if house or spec.endswith(":") else human_pairs()


def open_docstrings(spec: str) -> RecordedSubject:
    """The corpus as a recording that answers its own questions.

    Its identity is the digest of the pairs with the packages' versions. Raises what `human_pairs`
    raises.
    """
    pairs = pairs_of(spec)
    releases = dict.fromkeys(f"{pair.package} {pair.version}" for pair in pairs)
    identity = Identity(
        kind="recording",
        name="docstrings of " + ", ".join(dict.fromkeys(pair.package for pair in pairs)),
        recording_sha256=sha256(canonical_json([pair.digest() for pair in pairs])),
        revision=", ".join(releases),
        notes=(NOTE,),
    )
    probes = {pair.id: Probe(id=pair.id, text=pair.prompt, topic=pair.package) for pair in pairs}
    replies = [
        Reply(probe_id=pair.id, arm=Arm.RECORDED, status=Status.OK, text=pair.answer)
        for pair in pairs
    ]
    ordered = tuple(sorted(replies, key=lambda reply: reply.key))
    return RecordedSubject(spec, Transcript(Header(spec=spec, identity=identity), probes, ordered))
