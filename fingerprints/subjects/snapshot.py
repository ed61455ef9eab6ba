"""Finds a checkpoint's folder: on disk, or fetched from the model hub. Knows paths and ids;
opens nothing."""

from __future__ import annotations

import re
from pathlib import Path

from fingerprints.errors import Incomplete, MalformedInput, UsageProblem, printable
from fingerprints.subjects.kinds import SubjectSpec

# The hub allows 96 characters in each part of an id.
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[\w.-]{1,96})?")
WANTED = (
    "*.safetensors",
    "*.json",
    "tokenizer.model",
    "*.tiktoken",
    "merges.txt",
    "vocab.txt",
    "*.jinja",
    "README.md",
)
"""Only what is parsed safely: no pickles, no code. Of the model card only the front matter is
ever parsed."""


def locate(spec: SubjectSpec) -> tuple[Path, str | None]:
    """The folder of a checkpoint, and the hub's commit where it came from there (None for a folder
    of one's own).

    Raises MalformedInput for a path that is not there or an unknown hub id, UsageProblem for a
    revision of a folder, Incomplete when the hub can't be reached.
    """
    path = Path(spec.target).expanduser()
    if path.exists():
        if "revision" in spec.options:
            raise UsageProblem(
                "a folder has no revision", where="revision", next_step="leave the option out"
            )
        return path, None
    if not HUB_ID.fullmatch(spec.target) or ".." in spec.target:
        raise MalformedInput(
            "no such folder",
            where=printable(spec.target, 120),
            next_step="check the path; a hub model is written hf:org/name",
        )
    folder = _fetch(spec.target, spec.options.get("revision"))
    return folder, folder.name


def _fetch(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(WANTED)))
    except (GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise MalformedInput(
            "the hub has no such model or revision, or does not show it to you",
            where=printable(name, 120),
            next_step="check the name; for a gated model accept its terms and set HF_TOKEN",
        ) from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise Incomplete(
            "the hub can't be reached and the model is not in its cache:"
            f" {printable(' '.join(str(error).split()), 120)}",
            where=printable(name, 120),
            next_step="connect and run the same command again, or give a folder: hf:./dir",
        ) from error
