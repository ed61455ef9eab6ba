"""Names that a suspect gives itself and that the table of makers lacks, in its own spelling.

What is written like a name in its answers stands in for a table, and is read by the same grammar as
any maker's names: what is denied, doubted, quoted or said of others is no name of the speaker's.
Knows no maker; finds nothing in scripts without capitals but after a few fixed words.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from detectors.text.claims import IDENTITY, Claim, context_of, extract_claims
from detectors.text.identity_evidence import Heard
from detectors.text.makers import Maker, MakerTable, using_makers
from detectors.text.vendors import LONGEST_TEXT, fold

MOST_NAMES, MOST_TOLD = 40, 3
LONGEST_NAME, MOST_WORDS = 40, 4
FEWEST = 2
"""Answers that give a name, where there are as many: said once it may be a slip or an example."""
_WORD = re.compile(r"[^\W_](?:[\w.&+-]*[\w+])?")
_STARTS = re.compile(r"(?:^|[.!?:\n])\W*$")
_OPENERS = frozenset(
    (
        *("a", "an", "and", "as", "ask", "at", "but", "can", "contact", "do", "feel"),
        *("for", "from", "great", "hello", "here", "hey", "hi", "how", "however", "i"),
        *("if", "in", "is", "it", "let", "my", "name", "no", "of", "oh", "or", "our"),
        *("please", "see", "since", "so", "sorry", "sure", "thank", "thanks", "that"),
        *("the", "there", "this", "to", "unlike", "visit", "we", "well", "what", "when"),
        *("while", "yes", "you", "your", "allo", "aku", "ben", "bonjour", "ciao"),
        *("ciesc", "eu", "guten", "hallo", "halo", "hei", "hola", "hoi", "ich", "ik"),
        *("io", "ja", "je", "jestem", "mein", "meine", "merhaba", "mi", "mijn", "mon"),
        *("nama", "nein", "nom", "ola", "perkenalkan", "saya", "sono", "sou", "soy"),
        *("tag", "toi", "xin", "yo", "а", "в", "вас", "да", "здравствуите", "и", "как"),
        *("мене", "меня", "мое", "мои", "мы", "на", "он", "привет", "привіт", "спасибо"),
        *("ты", "я"),
    )
)
"""Folded words with which sentences begin, and which are no part of the name behind them."""
_GENERIC = frozenset(
    (
        *("afraid", "ai", "agent", "api", "artificial", "assistant", "assistent"),
        *("assistente", "asistente", "asisten", "asistan", "bot", "chat", "chatbot"),
        *("company", "deep", "developers", "development", "digital", "dr", "engine"),
        *("english", "glad", "happy", "ia", "ii", "intelligence", "intelligenz"),
        *("inteligencia", "internet", "ki", "ki-assistent", "ki-modell", "language"),
        *("large", "learning", "llm", "llms", "machine", "ml", "model", "modell"),
        *("modello", "modelo", "modele", "mr", "natural", "nlp", "processing", "prof"),
        *("program", "python", "ready", "service", "software", "sorry", "sprachmodell"),
        *("system", "team", "transformer", "unable", "user", "users", "virtual", "web"),
        *("ии", "ші", "моделью", "модель", "ассистент", "компания"),
    )
)
"""Folded words that say what a model is, not how it is called."""
_AFTER = (
    re.compile(r"我(?:是|叫|名叫|的名字是)\s?([^\s,.，。、!！(（由]{2,12})"),
    re.compile(
        r"由\s?([^\s,.，。、!！(（]{2,14}?)(?:公司|团队)?(?:所)?(?:开发|研发|训练|创造|打造|推出)"
    ),
    re.compile(r"([^\s、。,.はがの]{2,16}?)(?:が|によって|に)(?:開発|作成|作られ|訓練|創)"),
    re.compile(r"([^\s,.]{2,16}?)(?:에서|이|가) (?:만든|개발한|훈련한|제작한)"),
)
_COMMON = re.compile(
    r"助手|模型|人工智能|一个|一個|一款|アシスタント|モデル|人工知能|인공지능|어시스턴트|모델|私|저는|나는"
)
"""What is no name in scripts without capitals."""
_NO_NAME_AFTER = re.compile(
    r"\b(?:an?|ein|eine|einem|einen|einer|un|une|una|uno|um|uma|een|jeden|bir|sebuah|seorang"
    r"|in|in the|aus|en|dans|em|nel|w|в|у"
    r"|(?:i am|i'm|come|came|originate|released|launched) from(?: the)?) $",
    re.IGNORECASE,
)
"""An article or a place: what follows says what the model is, or where."""
_GERMAN = re.compile(r"\b(?:ich|wurde|und|mein|von)\b")


@dataclass(frozen=True)
class UnlistedName:
    """One name as it is written, in how many answers it is given, and in how many of those as the
    name of who made the model."""

    name: str
    answers: int
    as_maker: int


def unlisted_names(heard: Sequence[Heard]) -> tuple[UnlistedName, ...]:
    """The names that answers without a maker of the table give the model or its maker, the most
    frequent first, three at most. What the question, an earlier turn or a system prompt said before
    is left out. Deterministic; time grows with the texts' length.
    """
    silent = [h for h in heard if not h.named and not h.answer.obeyed]
    found = Counter(name for h in silent for name in set(_candidates(h)))
    names = [name for name, n in found.most_common(MOST_NAMES) if n >= min(FEWEST, len(silent))]
    if not names:
        return ()
    given: Counter[str] = Counter()
    makers: Counter[str] = Counter()
    spelled: dict[str, str] = {}
    with using_makers(_table(names)):
        for h in silent:
            claims = _claims(h)
            given.update({c.alias for c in claims})
            makers.update({c.alias for c in claims if c.kind in ("maker", "trainer")})
            for claim in claims:
                spelled.setdefault(claim.alias, h.answer.reply.answer[claim.start : claim.end])
    told = [n for n in names if given[n] >= min(FEWEST, len(silent))]
    told.sort(key=lambda name: (-given[name], name))
    return tuple(UnlistedName(spelled[n], given[n], makers[n]) for n in told[:MOST_TOLD])


def _claims(heard: Heard) -> list[Claim]:
    probe, text = heard.answer.probe, heard.answer.reply.answer[:LONGEST_TEXT]
    context = context_of(probe) if heard.source == "bank" else IDENTITY
    german = bool(_GERMAN.search(text))
    return [
        claim
        for claim in extract_claims(text, context)
        if claim.counts
        and not _NO_NAME_AFTER.search(text[: claim.start])
        # In German every noun has a capital: "entwickelt von Menschen".
        and not (
            german and claim.kind != "name" and claim.alias.istitle() and " " not in claim.alias
        )
    ]


def _table(names: Sequence[str]) -> MakerTable:
    """A table of these names alone, each somebody's of its own, read in their exact case."""
    makers = {f"unlisted-{i}": name for i, name in enumerate(names)}
    digest = hashlib.sha256("\n".join(["unlisted", *names]).encode("utf-8", "replace"))
    return MakerTable(
        {code: Maker(id=code, name=name, company_words=(name,)) for code, name in makers.items()},
        (),
        date.min,
        digest.hexdigest(),
    )


def _candidates(heard: Heard) -> Iterator[str]:
    """What of an answer is written like a name and was not said to the model before."""
    probe = heard.answer.probe
    before = fold(" ".join([probe.text, *(turn.content for turn in probe.history)])).text.lower()
    text = fold(heard.answer.reply.answer).text
    for name in (*_capitalised(text), *(m[1] for frame in _AFTER for m in frame.finditer(text))):
        if len(name) <= LONGEST_NAME and not _COMMON.search(name) and name.lower() not in before:
            yield name


def _capitalised(text: str) -> Iterator[str]:
    """Runs of words with a capital or a number in them, without what only opens a sentence and
    without those that say what a model is."""
    run: list[re.Match[str]] = []
    for word in (*_WORD.finditer(text), None):
        joins = word is not None and bool(run) and text[run[-1].end() : word.start()] == " "
        if run and not (joins and word is not None and _like_a_name(word[0])):
            yield from _named(text, run)
            run = []
        if word is not None and _like_a_name(word[0]):
            run.append(word)


def _named(text: str, run: Sequence[re.Match[str]]) -> Iterator[str]:
    words = list(run)
    while words and words[0][0].lower() in _OPENERS and _STARTS.search(text[: words[0].start()]):
        words = words[1:]
    if words and len(words) <= MOST_WORDS and any(w[0].lower() not in _GENERIC for w in words):
        yield text[words[0].start() : words[-1].end()]


def _like_a_name(word: str) -> bool:
    numbered = any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
    return len(word) > 1 and (numbered or any(c.isupper() for c in word))
