"""From a docstring to prose: its description without tables, doctests, references and markup.

Pure text functions; the input is what `inspect.getdoc` gives. Knows the conventions of numpydoc and
Sphinx and a signature when it sees one; knows no module.
"""

from __future__ import annotations

import re

SHORTEST, LONGEST = 80, 1200
"""Characters: what is shorter says too little to learn a manner from, and paragraphs beyond the
longest are left out."""

_SECTION = re.compile(r"^[^\n]+\n([-=~^])\1{2,}[ ]*$", re.MULTILINE)
_HEADING = re.compile(
    r"^(?:Args|Arguments|Example|Examples|Keyword arguments|Notes?|Parameters|Raises|Returns|See"
    r" Also|Usage|Yields):?$",
    re.IGNORECASE,
)
_CALL = r"[\w.]+\((?:[^()]|\([^()]*\))*\)"
_RESULT = r"[ ]*[-=]>[ ]*(?:[^\n.]*\.(?=\s)|[^\n]*)"
_SIGNATURE = re.compile(
    rf"^(?:{_CALL}|[\w.]+(?= ->))(?:{_RESULT}|[.:](?=\s|$)|(?=\n|$)|(?=[ ]*--[ ]))"
)
_LIST_ITEM = re.compile(r"^(?:[-*+•]|\d{1,2}[.)]|\(?[a-z]\))[ ]+\S")
_TABLE = re.compile(r"={3,}[ ]+={3,}|[+|][-=]{3,}|-{4,}|={4,}|(?:[ ]{3,}\S+){2,}")
_CODE = re.compile(r">>>|^\$ |^In \[\d|^\w+ = |;$", re.MULTILINE)
_MARKUP = re.compile(r"^(?:\.\.|:[\w ]+:|@\w+)")
_MATHS = re.compile(r":math:|\$\$|\\(?:frac|sum|int|mathbf|sqrt|left)\b")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_FINISHED = re.compile(r"[.!?][)\"'`]*$")
_POINTER = re.compile(
    r"(?:Read more in|Please see|See (?:also|the|help)|Refer to|For (?:more|further)"
    r" (?:details|information))\b|\(?See "
)

_ROLE = re.compile(r":[a-z]+(?::[a-z]+)*:`([^`]+)`")
_TARGET = re.compile(r"\s*<[^<>`]*>$")
_LINK = re.compile(r"`([^`<]+?)\s*<[^`>]*>`_{1,2}")
_CITATION = re.compile(r"\s*\[[#*\w-]{1,30}\]_")
_LITERAL = re.compile(r"``(.+?)``")
_STRONG = re.compile(r"(?<![\w*])\*\*?(\w[^*\n]*?\w|\w)\*\*?(?![\w*])")


def prose_of(docstring: str) -> str:
    """The prose of a docstring, by paragraphs; empty where less than 80 characters are left.

    What comes before the first section (Parameters, Returns, …) counts; signatures, lists, tables,
    doctests, directives, formulas and indented blocks go, and so do sentences that led up to one of
    them or only point elsewhere. Whole paragraphs are kept up to 1,200 characters. Deterministic.

    >>> told = "Return the sum of `x`, see :func:`~numpy.sum`, over every axis that it has, as an"
    >>> prose_of(f"f(x)\\n\\n{told} array [1]_.")
    'Return the sum of `x`, see `numpy.sum`, over every axis that it has, as an array.'
    """
    kept: list[str] = []
    size = 0
    for paragraph in _paragraphs(docstring):
        text = _plain(paragraph)
        # After the summary, a lone line without an end led up to a formula, and "where" explains
        # one that went.
        if not text or (kept and not _FINISHED.search(text)) or text.startswith("where "):
            continue
        if size + len(text) > LONGEST:
            break
        kept.append(text)
        size += len(text) + 2
    found = "\n\n".join(kept)
    return found if len(found) >= SHORTEST else ""


def _paragraphs(docstring: str) -> list[str]:
    """The flush-left paragraphs of running text before the first section."""
    text = docstring.replace("\r\n", "\n").expandtabs()
    section = _SECTION.search(text)
    blocks = re.split(r"\n[ ]*\n", text[: section.start()] if section else text)
    out: list[str] = []
    for raw in blocks:
        block = raw.strip("\n")
        if _HEADING.match(block.split("\n", 1)[0].strip()):
            break
        if not out:
            block = _SIGNATURE.sub("", block, count=1).lstrip(" \n-:")
        if block and _runs(block):
            out.append(block)
    return out


def _runs(block: str) -> bool:
    """Whether a paragraph is running text: no list, table, code, formula or directive."""
    lines = block.split("\n")
    return not (
        any(
            line.startswith((" ", "\t")) or _LIST_ITEM.match(line) or _MARKUP.match(line)
            for line in lines
        )
        or any(_TABLE.search(line) for line in lines)
        or _CODE.search(block)
        or _MATHS.search(block)
        or any(_SIGNATURE.fullmatch(line.strip()) for line in lines)
    )


def _plain(paragraph: str) -> str:
    """One paragraph without markup and without sentences that only point elsewhere.

    Of a sentence that breaks off (it led up to something that was left out) nothing stays, of a
    lone line all does.
    """
    text = " ".join(paragraph.split())
    text = _ROLE.sub(lambda m: f"`{_TARGET.sub('', m[1]).lstrip('~!')}`", text)
    text = _CITATION.sub("", _LINK.sub(r"\1", text))
    text = _STRONG.sub(r"\1", _LITERAL.sub(r"`\1`", text))
    sentences = _SENTENCE_END.split(re.sub(r"(`[^`]+`)__?(?!\w)", r"\1", text))
    broken = sentences[-1].endswith((":", ",")) or (
        len(sentences) > 1 and not _FINISHED.search(sentences[-1])
    )
    kept = [s for s in (sentences[:-1] if broken else sentences) if not _POINTER.match(s)]
    return " ".join(kept)
