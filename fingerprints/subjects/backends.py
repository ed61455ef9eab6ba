"""Which library answers for a GGUF file: transformers, which reads it dequantised, or llama.cpp,
which runs it as it is.

The two give different answers, so the choice is the spec's, and nothing chooses for it. Imports
what is chosen and nothing else.
"""

from __future__ import annotations

from fingerprints.errors import UsageProblem, printable
from fingerprints.subjects.base import Subject
from fingerprints.subjects.kinds import SubjectSpec, load_named

BACKENDS = {
    "transformers": "fingerprints.subjects.gguf:open_gguf",
    "llama.cpp": "fingerprints.subjects.llama.subject:open_by_llama",
}


def open_gguf(spec: SubjectSpec) -> Subject:
    """The subject of a ``gguf:`` spec by the backend that it names (transformers for none).

    Raises UsageProblem for an unknown backend and what the backend raises.
    """
    name = spec.options.get("backend", "transformers")
    if name not in BACKENDS:
        raise UsageProblem(
            f"unknown backend {printable(name, 30)!r}",
            where="backend",
            next_step=f"use {' or '.join(BACKENDS)}, or leave it out",
        )
    opened: Subject = load_named(BACKENDS[name])(spec)
    return opened
