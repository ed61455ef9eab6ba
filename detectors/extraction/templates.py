"""The template of many prompts: the words that most of them share, in order, with the slots between
them masked.

Words of prompts are a stranger's, and stay text. Linear in the prompts' words.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SLOT = "▢"
MASKED = re.compile(r'"[^"]*"|\S*[0-9]\S*')
WORDS, MOST_WORDS = 4, 60
SHARED = 0.6
"""A word is the template's where this share of its prompts has it."""
LEAST = 3


@dataclass(frozen=True)
class Template:
    """Words with slots, how many of the prompts are of it, how many of these differ."""

    words: tuple[str, ...]
    n: int
    distinct: int

    @property
    def text(self) -> str:
        """The template in one line."""
        return " ".join(self.words)

    @property
    def shape(self) -> str:
        """The template without its words: runs of words by their number, slots."""
        out: list[str] = []
        run = 0
        for word in (*self.words, SLOT):
            if word != SLOT:
                run += 1
                continue
            out += [f"[{run} words]"] if run else []
            out.append(SLOT)
            run = 0
        return " ".join(out[:-1] if self.words and self.words[-1] != SLOT else out)


def templates(prompts: Sequence[str], most: int = 8) -> list[Template]:
    """The templates of prompts, that of most prompts first; a prompt is of one at most.

    Prompts are put together by their first words or their last, whichever more of them share.

    >>> templates(["Solve 3 now", "Solve 4 now", "Solve 5 now"])[0].text
    'solve ▢ now'
    """
    masked = [_masked(p) for p in prompts]
    heads = Counter(tuple(w[:WORDS]) for w in masked)
    tails = Counter(tuple(w[-WORDS:]) for w in masked)
    groups: dict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)
    for i, words in enumerate(masked):
        head, tail = tuple(words[:WORDS]), tuple(words[-WORDS:])
        key = ("head", head) if heads[head] >= tails[tail] else ("tail", tail)
        groups[key].append(i)
    made = [_template([masked[i] for i in g], {prompts[i] for i in g}) for g in groups.values()]
    found = [t for t in made if t.n >= LEAST and any(w != SLOT for w in t.words)]
    return sorted(found, key=lambda t: (-t.n, t.text))[:most]


def _masked(prompt: str) -> list[str]:
    return [SLOT if MASKED.fullmatch(w) else w for w in MASKED.sub(SLOT, prompt.lower()).split()]


def _template(group: Sequence[list[str]], texts: set[str]) -> Template:
    held = Counter(word for words in group for word in set(words))
    middle = sorted(group, key=len)[len(group) // 2]
    need = SHARED * len(group)
    kept = _collapsed(
        w if w != SLOT and held[w] >= need else SLOT for w in middle[: 4 * MOST_WORDS]
    )
    return Template(tuple(kept[:MOST_WORDS]), len(group), len(texts))


def _collapsed(words: Iterable[str]) -> list[str]:
    out: list[str] = []
    for word in words:
        if word != SLOT or not out or out[-1] != SLOT:
            out.append(word)
    return out
