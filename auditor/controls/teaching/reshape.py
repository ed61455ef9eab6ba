"""Gives answers another form: Markdown taken out, or a chat's look put on; the words stay.

`strip` is what a maker does who hides how a teacher lays out its answers; `bullets` makes anybody's
prose look like a chat model's. Deterministic. Knows Markdown; knows no model.
"""

from __future__ import annotations

import re

from auditor.controls.recipe import Reshape

ROUNDS = 8
"""As deep as marks are taken out of marks: a text made to nest further keeps some."""
LEAD_WORDS, SHORT_LEAD = 6, 12

_FENCE = re.compile(
    r"^[ \t]*(?:```|~~~)[^\n]*\n(.*?)(?:^[ \t]*(?:```|~~~)[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_HEADING = re.compile(r"^[ \t]*#{1,6}[ \t]+")
_ITEM = re.compile(r"^[ \t]*(?:[-*+•][ \t]+|\(?\d{1,3}[.)][ \t]+)(?:\[[ xX]\][ \t]+)?")
_QUOTE = re.compile(r"^[ \t]*>[ \t]?")
_RULE = re.compile(r"^[ \t]*(?:[-*_=][ \t]*){3,}$|^[ \t]*\|?[ \t:|-]*-{3,}[ \t:|-]*$")
_LINK = re.compile(r"!?\[([^\]\n]*)\]\((?:[^()\s]|\([^()\s]*\))*(?:[ \t]+\"[^\"\n]*\")?\)")
_STRONG = re.compile(r"(\*\*\*|\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_EMPHASIS = re.compile(
    r"(?<![\w*])\*(?=[^\s*])([^*\n]*[^\s*])\*(?![\w*])|(?<!\w)_(?=[^\s_])([^_\n]*[^\s_])_(?!\w)"
)
_CODE = re.compile(r"`([^`\n]+)`")
_END = re.compile(r"[.!?…:;,。！？：；][\"'”’)\]]*$")
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[`]?[A-Z0-9À-ÞА-Я])|(?<=[。！？])")


def reshaped(text: str, how: Reshape) -> str:
    """The text in the form that a recipe asks for; ``none`` leaves it as it is. An empty one
    where no word is left."""
    if how == "none":
        return text
    return strip(text) if how == "strip" else bullets(text)


def strip(text: str) -> str:
    """The text as plain paragraphs: headings, items, links, quotes and tables become sentences.

    A heading or an item without an end gets a full stop. Code in a fence keeps its lines and loses
    the fence.

    >>> strip("## Steps\\n\\n1. **Mix** it\\n2. Bake it.")
    'Steps.\\n\\nMix it. Bake it.'
    """
    parts = [code.rstrip() if fenced else _plain(code) for code, fenced in _parts(text)]
    return "\n\n".join(part for part in parts if part.strip()).strip()


def bullets(text: str) -> str:
    """The text in a chat's look: a short bold lead, then a bullet for every sentence.

    The lead is the first sentence where it has at most twelve words, else its first six words. No
    word is added or lost but for what `strip` takes out. Code in a fence stays as it is.

    >>> bullets("It is a list. Add to it. Sort it.")
    '**It is a list.**\\n\\n- Add to it.\\n- Sort it.'
    """
    blocks: list[str] = []
    for part, fenced in _parts(text):
        if fenced:
            blocks.append(f"```\n{part.rstrip()}\n```")
            continue
        said = [s for paragraph in _plain(part).split("\n\n") for s in _sentences(paragraph)]
        if said and not blocks:
            blocks.append(_lead(said.pop(0)))
        if said:
            blocks.append("\n".join(f"- {s}" for s in said))
    return "\n\n".join(blocks)


def _lead(sentence: str) -> str:
    words = sentence.split(" ")
    if len(words) <= SHORT_LEAD:
        return f"**{sentence}**"
    return f"**{' '.join(words[:LEAD_WORDS])}** {' '.join(words[LEAD_WORDS:])}"


def _parts(text: str) -> list[tuple[str, bool]]:
    """The text in order: prose, and what stood in code fences."""
    out: list[tuple[str, bool]] = []
    at = 0
    for fence in _FENCE.finditer(text):
        out += [(text[at : fence.start()], False), (fence[1], True)]
        at = fence.end()
    return [(part, fenced) for part, fenced in (*out, (text[at:], False)) if part.strip()]


def _plain(text: str) -> str:
    """Prose without marks; again until nothing changes, as marks can stand within marks."""
    for _ in range(ROUNDS):
        once = _one_round(text)
        if once == text:
            break
        text = once
    return text


def _one_round(text: str) -> str:
    paragraphs: list[list[str]] = [[]]
    listed = False
    for line in text.split("\n"):
        if "|" in line and _RULE.match(line):
            continue  # the line under a table's head
        bare = _bare(line)
        item = _ITEM.match(line) is not None
        # Items that stand apart are one paragraph, as items that stand together are.
        if (not line.strip() or _RULE.match(line)) and not listed:
            paragraphs.append([])
        elif bare and listed and not item and paragraphs[-1] and not line.startswith((" ", "\t")):
            paragraphs.append([bare])
            listed = False
        elif bare:
            paragraphs[-1].append(bare)
        listed = item or (listed and not bare)
        if _HEADING.match(line):
            paragraphs.append([])
    return "\n\n".join(" ".join(lines) for lines in paragraphs if lines)


def _bare(line: str) -> str:
    """One line without its marks; what was a heading, an item or a row ends as a sentence does."""
    if _RULE.match(line):
        return ""
    text = _QUOTE.sub("", line)
    marked = bool(_HEADING.match(text) or _ITEM.match(text))
    text = _ITEM.sub("", _HEADING.sub("", text, count=1), count=1).strip()
    if text.startswith("|") and text.endswith("|") and len(text) > 1:
        cells = (cell.strip() for cell in text.strip("|").split("|"))
        text, marked = ", ".join(cell for cell in cells if cell), True
    text = _LINK.sub(r"\1", text)
    text = _EMPHASIS.sub(lambda m: m[1] or m[2], _STRONG.sub(r"\2", text))
    text = " ".join(_CODE.sub(r"\1", text).split())
    return f"{text}." if marked and text and not _END.search(text) else text


def _sentences(paragraph: str) -> list[str]:
    ends = [match.end() for match in _SENTENCE.finditer(paragraph)]
    pairs = zip([0, *ends], [*ends, len(paragraph)], strict=True)
    return [piece for a, b in pairs if (piece := paragraph[a:b].strip())]
