"""Text by people as questions and answers, read from Debian packages that are unpacked somewhere.

    apt-get download perl-doc anarchism dict-foldoc gnome-user-docs
    for f in *.deb; do dpkg -x "$f" DIR; done

A question is a heading of the text (or asks for an entry's meaning), its answer the prose below,
cut at a paragraph's end. Written and published before there were chat models, or edited from text that
was, as far as their changelogs tell; no single line is certified. Nothing of it is copied into the
project. Knows files; knows nothing of models.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

from auditor.controls.curation.curate import shuffled
from auditor.controls.curation.duplicates import first_twins

SHORTEST, LONGEST = 120, 600
"""Characters of an answer: what a student of 192 tokens can learn whole, and not a mere line."""
NEAR_DUPLICATE = 0.7
MALLARD = "{http://projectmallard.org/1.0/}"


@dataclass(frozen=True)
class HumanAnswer:
    """What people wrote under a question."""

    question: str
    answer: str


@dataclass(frozen=True)
class HumanText:
    """One kind of text: its Debian package, licence, what it is, and how it is read from a folder."""

    package: str
    licence: str
    about: str
    read: Callable[[Path], Iterator[HumanAnswer]]


def faq(root: Path) -> Iterator[HumanAnswer]:
    """Perl's FAQ: answers given in newsgroups, signed and edited by many."""
    for file in sorted(root.glob("usr/share/perl/*/pod/perlfaq?.pod")):
        parts = re.split(r"^=head2 +", file.read_text("utf-8"), flags=re.MULTILINE)[1:]
        for part in parts:
            head, _, body = part.partition("\n")
            yield HumanAnswer(plain_pod(head), whole_paragraphs(plain_pod(body)))


def essay(root: Path) -> Iterator[HumanAnswer]:
    """An Anarchist FAQ: long argued answers to questions on society."""
    for file in sorted(root.glob("usr/share/doc/anarchism/markdown/*.md.gz")):
        text = gzip.decompress(file.read_bytes()).decode("utf-8", "replace")
        parts = re.split(r"^#+ +", text, flags=re.MULTILINE)[1:]
        for part in parts:
            head, _, body = part.partition("\n")
            asked = re.sub(r"^(?:[A-Z]\.)?[0-9.]+ +", "", head.strip())
            if asked.endswith("?"):
                yield HumanAnswer(asked, whole_paragraphs(plain_markdown(body)))


def encyclopaedic(root: Path) -> Iterator[HumanAnswer]:
    """The Free On-line Dictionary of Computing: what a word means, and whence it came."""
    packed = root / "usr/share/dictd/foldoc.dict.dz"
    text = gzip.decompress(packed.read_bytes()).decode("utf-8", "replace")
    for part in re.split(r"\n(?=\S)", text):
        head, _, body = part.partition("\n\n")
        name = head.strip()
        if body.startswith("   <") and re.fullmatch(r"[A-Za-z][A-Za-z0-9 +-]{2,40}", name):
            told = re.sub(r"^\s*<[^<>\n]*>|[{}]|\(\d{4}-\d\d-\d\d\)|\[\{?[^\[\]\n]*\]", "", body)
            yield HumanAnswer(f'What is "{name}"?', whole_paragraphs(told))


def instructions(root: Path) -> Iterator[HumanAnswer]:
    """GNOME's help: how to do a thing, step by step."""
    for file in sorted(root.glob("usr/share/help/C/gnome-help/*.page")):
        page = ElementTree.fromstring(file.read_bytes())
        title = page.findtext(f"{MALLARD}title") or ""
        lines = [*_steps(page)]
        asked = " ".join(title.split())
        if page.get("style") == "task" or any(line.startswith("1. ") for line in lines):
            yield HumanAnswer(asked, whole_paragraphs("\n\n".join(lines)))


def _steps(page: ElementTree.Element) -> Iterator[str]:
    """Paragraphs at a page's top, and its numbered steps; comments of its authors are left out."""
    for part in page:
        if part.tag == f"{MALLARD}p":
            yield " ".join("".join(part.itertext()).split())
        elif part.tag == f"{MALLARD}steps":
            items = part.findall(f"{MALLARD}item")
            for i, item in enumerate(items, 1):
                yield f"{i}. " + " ".join("".join(item.itertext()).split())


def plain_pod(text: str) -> str:
    """POD without its marks: code stays, index entries go."""
    text = re.sub(r"^=.*$|X<[^<>]*>|^\(contributed by .*\)$", "", text, flags=re.MULTILINE)
    text = re.sub(r"L<([^<>|]*)\|[^<>]*>", r"\1", text)
    for _ in range(3):  # marks stand within marks, hardly deeper
        text = re.sub(r"[BCIFLSE]<<? ?([^<>]*?) ?>?>", r"\1", text)
    return text.strip()


def plain_markdown(text: str) -> str:
    """Markdown without emphasis, quotation marks of blocks and source notes."""
    text = re.sub(r"\[[^\[\]]*\]|^> ?", "", text, flags=re.MULTILINE)
    return re.sub(r"[*_]", "", unescape(text)).strip()


def whole_paragraphs(text: str) -> str:
    """The first paragraphs that fit, indented code as it stands; empty where the first doesn't."""
    out, used = [], 0
    for paragraph in re.split(r"\n\s*\n", text):
        code = paragraph.startswith("    ")
        told = paragraph.rstrip() if code else " ".join(paragraph.split())
        if used + len(told) > LONGEST:
            break
        if told:
            out.append(told)
            used += len(told) + 2
    return "\n\n".join(out)


TEXTS = {
    "faq": HumanText("perl-doc", "GPL-1+ or Artistic", "newsgroups' answers, edited", faq),
    "essay": HumanText("anarchism", "GPL-2", "argued answers on society", essay),
    "encyclopaedic": HumanText("dict-foldoc", "GFDL-1.1+", "dictionary entries", encyclopaedic),
    "instructions": HumanText("gnome-user-docs", "CC-BY-SA-3.0", "steps of how-to", instructions),
}
"""The kinds read from packages, by name; docstrings, the fifth, come with the project's recipe."""


def answers_of(kind: str, root: Path, n: int) -> list[HumanAnswer]:
    """So many answers of a kind, near duplicates dropped, drawn by digest: the same for the same
    package. Raises ValueError where the unpacked package holds too few."""
    found = [
        a for a in TEXTS[kind].read(root) if SHORTEST <= len(a.answer) <= LONGEST and a.question
    ]
    twins = first_twins([a.answer for a in found], NEAR_DUPLICATE)
    kept = {a.question: a for a, twin in zip(found, twins, strict=True) if twin is None}
    if len(kept) < n:
        raise ValueError(f"{kind}: {len(kept)} answers in {root}, {n} are needed")
    return [kept[question] for question in shuffled(kept, 0, "human text")[:n]]
