"""A document's record as canonical, readable JSON.

Sorted keys, two spaces, UTF-8, no NaN: the same record gives the same bytes.
"""

from __future__ import annotations

import json
from typing import Any

from auditor.reporting.document import Document


def render(document: Document) -> str:
    """The record that a document was arranged from, as JSON text with a final newline. Raises
    ValueError for a number that is not finite."""
    return pretty(document.record())


def pretty(value: Any) -> str:
    """Canonical readable JSON of a value: sorted keys, two spaces, NaN and lone surrogates
    refused."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    text.encode("utf-8")  # json passes lone surrogates; this raises before a file is begun
    return text
