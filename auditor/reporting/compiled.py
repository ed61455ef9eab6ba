"""Compiled templates, kept where Python keeps its own compiled modules and under the same rules:
compiling the page of a report costs as much as comparing two small models.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import tempfile
from contextlib import suppress
from importlib.metadata import version
from importlib.util import cache_from_source
from pathlib import Path

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from auditor.version import VERSION


class CompiledTemplates(BytecodeCache):
    """Keeps what a folder's templates were compiled to, in its ``__pycache__``.

    Whoever may write there may change our modules as well, so that nothing more is trusted than
    before. What is kept is used for the same templates, version of the template library and of
    Python, and while no file of the folder was changed: a template's code knows our filters and
    settings. Nothing is written under PYTHONDONTWRITEBYTECODE, and a folder that can't be written
    to is left alone, as Python does.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fills the bucket where something is kept for it; what is damaged counts as not there."""
        try:
            head, _, code = self._place(bucket).read_bytes().partition(b"\n")
        except OSError:
            return
        if head == _head(bucket, code):
            bucket.code = marshal.loads(code)  # noqa: S302  (ours, as Python's own beside it)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps the bucket, whole or not at all."""
        if sys.dont_write_bytecode or bucket.code is None:
            return
        place, code = self._place(bucket), marshal.dumps(bucket.code)
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            number, fresh = tempfile.mkstemp(prefix=f".{place.name}-", dir=place.parent)
            try:
                with os.fdopen(number, "wb") as file:
                    file.write(_head(bucket, code) + b"\n" + code)
                os.replace(fresh, place)
            except OSError:
                os.unlink(fresh)
                raise
            self._tidy(bucket, place)

    def _tidy(self, bucket: Bucket, kept: Path) -> None:
        """Removes what the same template was compiled to before a change."""
        for old in kept.parent.glob(f"template-{bucket.key[:16]}-*"):
            if old.name != kept.name and old.suffixes == kept.suffixes:
                old.unlink(missing_ok=True)

    def _place(self, bucket: Bucket) -> Path:
        stem = f"template-{bucket.key[:16]}-{_state(self._folder)}"
        return Path(cache_from_source(str(self._folder / f"{stem}.py")))


def _head(bucket: Bucket, code: bytes) -> bytes:
    """What the code is of and was made by, and a digest of it."""
    digest = hashlib.sha256(code).hexdigest()
    return f"{bucket.checksum} {version('jinja2')} {sys.version_info} {digest}".encode()


def _state(folder: Path) -> str:
    """The sizes and times of a folder's files in short: another for other templates or filters."""
    files = sorted(
        (entry.name, entry.stat().st_size, entry.stat().st_mtime_ns)
        for entry in os.scandir(folder)
        if entry.is_file()
    )
    return hashlib.sha256(repr((VERSION, files)).encode()).hexdigest()[:16]
