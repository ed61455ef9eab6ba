"""A data set on a Hugging Face hub as files of recordings: found, fetched under a cap, and named by
the commit that they are of.

Knows the hub's names and files; knows nothing of rows. Only files of data are fetched, never code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from fingerprints.errors import Incomplete, MalformedInput, ResourceLimit, UsageProblem, printable

REMOTE = "hf://"
"""How the address of a data set on a hub begins."""
_ADDRESS = re.compile(
    r"hf://(?:datasets/)?(?P<name>[\w.-]{1,96}/[\w.-]{1,96})(?:@(?P<revision>[\w.~-]{1,100}))?"
    r"(?:/(?P<path>[\w./*?=-]{1,300}))?"
)
_PIECE = re.compile(
    r"(?:^0[0-9]{3}|(?:^|[-_.])(?:[0-9]{5}|[0-9]{1,6}-of-[0-9]{1,6}(?:-[0-9a-f]{8,40})?))$"
)
"""The number of a piece: ``0000`` as the hub converts, ``-00000-of-00002`` as `datasets` writes."""
DATA = (
    ".parquet",
    ".jsonl",
    ".ndjson",
    ".json",
    ".csv",
    ".tsv",
    ".jsonl.gz",
    ".jsonl.zst",
    ".eval",
)
NO_DATA = ("dataset_infos.json", "dataset_info.json", "state.json", "croissant.json")
"""Files of a data set that tell about it."""
MOST_BYTES = 2 << 30
FILES_SHOWN = 6


@dataclass
class DataSet:
    """``hf://datasets/ORG/NAME[@REVISION][/PATH]``; ``path`` is a file, a folder or a pattern.

    ``revision`` is the commit once it was fetched.
    """

    name: str
    revision: str | None
    path: str | None

    @classmethod
    def parse(cls, address: str) -> DataSet:
        """The data set that an address names. Raises UsageProblem for another text."""
        found = _ADDRESS.fullmatch(address)
        if found is None or ".." in address:
            raise UsageProblem(
                "no address of a data set",
                where=printable(address, 120),
                next_step="write hf://datasets/ORG/NAME or hf://datasets/ORG/NAME/FILE.parquet",
            )
        return cls(found["name"], found["revision"], found["path"])

    def fetch(self) -> list[Path]:
        """The files, from the hub or its cache on this machine.

        Raises MalformedInput for a data set or a file that is not there, ResourceLimit for more
        than 2 GiB, UsageProblem where files of several parts would be mixed, Incomplete where the
        hub can't be reached.
        """
        from huggingface_hub import HfApi, hf_hub_download
        from huggingface_hub.errors import (
            GatedRepoError,
            HfHubHTTPError,
            OfflineModeIsEnabled,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )

        try:
            told = HfApi().dataset_info(self.name, revision=self.revision, files_metadata=True)
            sizes = {s.rfilename: s.size or 0 for s in told.siblings or ()}
            self.revision = told.sha or self.revision
            return [
                Path(hf_hub_download(self.name, f, repo_type="dataset", revision=self.revision))
                for f in self._chosen(sizes)
            ]
        except (GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError) as error:
            raise MalformedInput(
                "the hub has no such data set or revision, or does not show it to you",
                where=printable(self.name, 120),
                next_step="check the name; for a gated one accept its terms and set HF_TOKEN",
            ) from error
        except (HfHubHTTPError, OfflineModeIsEnabled, OSError, ValueError) as error:
            raise Incomplete(
                f"the hub can't be reached: {printable(' '.join(str(error).split()), 120)}",
                where=printable(self.name, 120),
                next_step="connect and run the same command again, or download the files yourself",
            ) from error

    def _chosen(self, sizes: dict[str, int]) -> list[str]:
        """Which files are read: those that the path names, else all of the only kind there is."""
        data = [
            f for f in sorted(sizes) if f.endswith(DATA) and f.rsplit("/", 1)[-1] not in NO_DATA
        ]
        wanted = [f for f in data if self._named(f)]
        if not wanted:
            shown = ", ".join(printable(f, 60) for f in data[:FILES_SHOWN]) or "none"
            raise MalformedInput(
                "the data set has no such file of data",
                where=printable(f"{self.name}/{self.path or ''}", 160),
                next_step=f"its files of data: {shown}",
            )
        groups = {(f.rpartition("/")[0], split_of(f)) for f in wanted}
        if len(groups) > 1:
            raise UsageProblem(
                f"{len(wanted)} files of {len(groups)} parts or splits would be mixed",
                where=printable(self.name, 120),
                next_step=f"name one, as in hf://datasets/{self.name}/{wanted[0]}",
            )
        if sum(sizes[f] for f in wanted) > MOST_BYTES:
            raise ResourceLimit(
                f"{sum(sizes[f] for f in wanted):,} bytes are too many to fetch",
                where=printable(self.name, 120),
                next_step=f"name one file, as in hf://datasets/{self.name}/{wanted[0]}",
            )
        return wanted

    def _named(self, file: str) -> bool:
        if self.path is None:
            return True
        folder = self.path.rstrip("/")
        return file == folder or file.startswith(f"{folder}/") or fnmatchcase(file, self.path)


def split_of(file: str) -> str:
    """The split that a file is of: its name without endings and without the number of its piece.
    Other numbers belong to names: ``gpt-3`` and ``gpt-4`` are no pieces of one split.

    >>> split_of("data/train-00000-of-00002.parquet")
    'train'
    """
    name = file.rsplit("/", 1)[-1]
    ending = max((e for e in DATA if name.endswith(e)), key=len, default="")
    return _PIECE.sub("", name.removesuffix(ending))
