r"""A text without its layout: headings, list marks, emphasis, fences, tables and line breaks go,
every word stays.

A model that learned nothing but to write in lists moves toward everybody who writes in lists;
without the layout it has not moved. Knows one text at a time; knows no model.
"""

from __future__ import annotations

import re

_LINE_MARK = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]+|[-*+•·▪●][ \t]+|\d{1,3}[.)][ \t]+|>[ \t]?|[-*_=]{3,}[ \t]*$|\|)", re.M
)
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)\w*", re.M)
_EMPHASIS = re.compile(r"\*\*|__|`+|(?<!\w)[*_](?=\w)|(?<=[\w.,;:!?])[*_](?!\w)")


def without_layout(text: str) -> str:
    r"""The words and punctuation of a text in one line. Linear in its length; any Unicode goes in,
    nothing raises.

    >>> without_layout("## Tides\n\n* **Moon**: it pulls.\n1. So does the *sun*.")
    'Tides Moon: it pulls. So does the sun.'
    """
    bare = _LINE_MARK.sub("", _LINE_MARK.sub("", _FENCE.sub("", text)))
    return " ".join(_EMPHASIS.sub("", bare).replace("|", " ").split())
