"""Which language a text seems to be in, by its script and its commonest words, and whether claims
are read in it.

Knows a few dozen words a language; a guess good enough to say "not read", never used
to weigh anything. Linear in the length.
"""

# ruff: noqa: E501  (a table of words is read and compared by the line)

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from detectors.text.scripts import script_of_letter
from detectors.text.vendors import find_mentions, fold

READ: tuple[str, ...] = (
    *("en", "zh", "ar", "fr", "de", "es", "ru", "ja", "hi", "pt", "ko"),
    *("tr", "id", "vi", "it", "fa", "pl", "th", "uk", "nl", "bn"),
)
"""Languages in which claims are read."""

UNDETERMINED = "und"
"""ISO 639 for a language that is not known."""

_NAMES = {
    "ar": "Arabic",
    "bn": "Bengali",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fa": "Persian",
    "fr": "French",
    "hi": "Hindi",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}

_BY_SCRIPT = {"hangul": "ko", "kana": "ja", "han": "zh", "thai": "th", "bengali": "bn"}

_WORDS: dict[str, dict[str, str]] = {
    "latin": {
        "en": "the is are i i'm my me was am of and to by you it as this that can't don't have be with for not an a if so no your who what call here",
        "fr": "je suis est les des une le la du de par mon c'est j'ai pas vous nous et moi m'a un qui on me ne sur dans pour avec au il mes meme nom",
        "de": "ich bin und der die das ein eine von nicht mein meine wurde ist mich mir dir du sie als kann bei mit hier hat auf den dem es im zu wie fur hinter man werde",
        "es": "soy el la los las de que una un por mi me llamo es y con fue para en creado como del se lo no su mis quien trabajo trabajan usted",
        "pt": "sou o a os as de que uma um por meu minha me chamo e nao com foi pela pelo eu voce do da fui na no ao quem em dos pode se",
        "it": "sono il di che una un mi chiamo mio nome e non stato dalla da della ho per gli ha la le i del con come questo posso miei dietro si alla mia al",
        "nl": "ik ben het een van de en mijn naam niet door heet mij me je als is dat gemaakt met op bij kan mag u zijn heeft of voor",
        "pl": "jestem nie przez moje moi moim nazywam sie mnie w z i na jako imie mam to jest do od mi ze a za po jak moge byc przez",
        "tr": "ben bir ve benim adım tarafından değilim beni olarak bu için adim ile bana da de ise buna ne gibi mi sen gereği yapay",
        "id": "saya adalah yang dan oleh nama tidak ini untuk aku dari bukan dibuat anda sebagai di itu dengan kami bisa yg dapat ada membantu",
        "vi": "toi la mot đuoc boi ten minh khong cua va ban do em phai nay cho co cac voi đa chao toi",
        "sv": "jag ar och en ett som inte av mitt heter det min mig ar",
        "da": "jeg er og en et som ikke af mit hedder det min mig blev",
        "no": "jeg er og en et som ikke av mitt heter det min meg ble",
        "fi": "olen ja on mina ei nimeni minut minun kielimalli joka ole",
        "cs": "jsem se na je me jmenuji nejsem byl vytvoren ktery jazykovy model mne",
        "sk": "som sa na je volam nie bol vytvoreny ktory jazykovy moje meno",
        "ro": "sunt si un o de numele meu nu creat fost catre este ma numesc",
        "hu": "vagyok egy es a az nem nevem altal engem hogy en",
        "sw": "mimi ni na ya kwa wa jina langu nimeundwa sio mfano lugha",
        "tl": "ako ay ang ng mga na si po hindi pangalan ko isang",
        "ca": "soc el una un i de per em dic no creat meu nom vaig ser",
        "hr": "ja sam je i u na nisam moje ime stvoren jezicni od kao",
        "lt": "as esu ir yra mano vardas ne sukurtas kalbos",
        "et": "olen ja on ma minu nimi ei loodud keelemudel",
        "sl": "sem je in jaz moje ime nisem ustvaril jezikovni kot",
        "sq": "une jam dhe nje nga emri im nuk krijuar",
        "af": "ek is 'n en nie deur my naam die gemaak",
    },
    "cyrillic": {
        "ru": "я и в не на меня это что мной создан модель компания зовут как для являюсь от",
        "uk": "я і в не на мене це що мною створен модель компанія звати як для від та є мені",
        "bg": "аз съм и в не на ме от това се името ми създаден езиков модел е",
        "sr": "ја сам и у не на ме од ово се име ми језички модел је нисам",
        "kk": "мен және бір емес менің атым тілдік компаниясы",
        "mn": "би бол нь миний нэр байна",
        "be": "я і ў не на мяне гэта што мной створаны мова завуць ёсць",
    },
    "arabic": {
        "ar": "انا في من لا على ان هو نموذج لغوي تم شركه اسمي هذا ما لست التي",
        "fa": "من هستم است که را به از این نمي نمی یک توسط شده نیستم مدل با",
        "ur": "میں ہوں ہے کا کی کے نے سے اور نہیں مجھے ایک میرا نام",
        "ckb": "من لە بە کە ئەم نیم ناوم",
        "ps": "زه یم د په نه زما نوم دی",
    },
    "devanagari": {
        "hi": "मैं हूँ है का की के ने से और नहीं मुझे एक मेरा नाम हूं को में",
        "mr": "मी आहे चे ची च्या आणि नाही मला एक माझे नाव",
        "ne": "म हुँ छ को ले र छैन मलाई एक मेरो नाम",
    },
}
_LETTERS = re.compile(r"[^\W\d_]")
_BETWEEN = re.compile(r"[\s.,;:!?|/\[\](){}<>\"。、।؟،—–-]+")
# What Ukrainian and Belarusian write and Russian does not, spelled as folded; one letter decides.
_NOT_RUSSIAN = re.compile("[іїєґў]", re.IGNORECASE)
_KAZAKH = re.compile("[әғқңөұүһ]", re.IGNORECASE)
_URDU = re.compile("[ٹڈڑےں]")
_PERSIAN = re.compile("[پچژگیک]")


@dataclass(frozen=True)
class Seems:
    """A guess at a text's language: ``language`` is a code, or ``und``; ``read`` says whether
    claims are read in it. A text of names and numbers alone, or a list or table of them, is read in
    any language: no sentence stands in it."""

    language: str
    script: str
    read: bool


def named(language: str) -> str:
    """A language as people call it; the code itself where no name is known.

    >>> named("ko"), named("sv")
    ('Korean', 'sv')
    """
    return _NAMES.get(language, language)


@lru_cache(maxsize=16384)
def seems(text: str) -> Seems:
    """Which language a text seems to be in, by its first 4,000 characters without makers' names.

    >>> seems("Ik ben een taalmodel."), seems("Jag är en språkmodell.").read
    (Seems(language='nl', script='latin', read=True), False)
    """
    folded = fold(text).text
    for mention in reversed(find_mentions(folded)):
        folded = folded[: mention.start] + " " + folded[mention.end :]
    return of_folded(folded)


def of_folded(folded: str) -> Seems:
    """The same for a folded text whose names have been taken out."""
    script = _script(folded)
    if script == "":
        return Seems("und", "", True)
    if script in _BY_SCRIPT:
        return Seems(_BY_SCRIPT[script], script, True)
    if script not in _WORDS:
        return Seems("und", script, False)
    language = _by_words(folded, script)
    if language == UNDETERMINED:
        return Seems(language, script, script == "latin" and _is_list(folded))
    return Seems(language, script, language in READ)


def _script(folded: str) -> str:
    """The script of most letters; kana and hangul win over the Han characters beside them."""
    counts: Counter[str] = Counter()
    for c in _LETTERS.findall(folded):
        counts[script_of_letter(c)] += 1
    if not counts:
        return ""
    if counts["kana"] * 5 > counts["han"]:
        counts["kana"] += counts.pop("han", 0)
    if counts["hangul"]:
        counts["hangul"] += counts.pop("han", 0)
    # Latin names stand in texts of every script, so that another script of some length wins.
    other = max((s for s in counts if s != "latin"), key=lambda s: counts[s], default="")
    return other if other and counts[other] * 3 >= counts["latin"] else "latin"


@lru_cache(maxsize=1)
def _languages_of_words() -> dict[str, dict[str, tuple[str, ...]]]:
    """Per script, the languages of each word, those that are read first."""
    out: dict[str, dict[str, tuple[str, ...]]] = {}
    for script, languages in _WORDS.items():
        for language, words in languages.items():
            for word in set(fold(words).text.lower().split()):
                by_word = out.setdefault(script, {})
                by_word[word] = (*by_word.get(word, ()), language)
    return out


def likeliest(folded: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The languages that a folded text without its makers' names may be in: the likeliest, those
    that are read first, and besides them the read ones that are nearly as likely. Where none of its
    words is known: ``und``, and every language read in its script."""
    script = _script(folded)
    if script in _BY_SCRIPT:
        return (_BY_SCRIPT[script],), ()
    if script not in _WORDS:
        return ("und",), () if script else _readable("latin")
    scores = _scores(folded, script)
    if not scores:
        return ("und",), _readable(script)
    best = max(scores.values())
    first = tuple(language for language in _WORDS[script] if scores[language] == best)
    near = tuple(c for c in _readable(script) if 0 < scores[c] == best - 1)
    return first, near if set(first) & set(READ) else (near or _readable(script))


def _readable(script: str) -> tuple[str, ...]:
    return tuple(language for language in _WORDS[script] if language in READ)


def _by_words(folded: str, script: str) -> str:
    scores = _scores(folded, script)
    if not scores:
        # A few unknown words are a name or a greeting; more are a language that is not known.
        few = len([w for w in _BETWEEN.split(folded) if w]) < 4
        return next(iter(_WORDS[script])) if few else UNDETERMINED
    best = max(_WORDS[script], key=lambda language: scores[language])
    enough = script != "latin" or _enough(folded, best)
    return best if enough else UNDETERMINED


FEW, SHORT, LONG = 4, 8, 16
"""Words of a text in Latin letters, in which dozens of languages are written. From eight on a single
letter is no sign of one (random letters hold "a", "e" and "o"), and from sixteen on neither is one
word. A language that is not read needs two different words from four on: "in" is of six languages,
and to call English Slovene leaves it out. Of 3,600 answers to English questions eight are then not
read (lines of a few words and pictures of signs), of 163 answers of random letters 162."""


def _enough(folded: str, language: str) -> bool:
    """Whether a text in Latin letters holds words enough of a language for its length."""
    known = _languages_of_words()["latin"]
    words = [w for w in _BETWEEN.split(folded.lower()) if _LETTERS.search(w)]
    found = [w for w in words if language in known.get(w, ())]
    if language not in READ and len(words) >= FEW and len(set(found)) < 2:
        return False
    if len(words) < SHORT:
        return True
    return sum(len(w) > 1 for w in found) >= (1 if len(words) < LONG else 2)


_CELLS = re.compile(r"[\n|,;:]|\s[-*]\s")
FEWEST_CELLS, LONGEST_CELL, WORDS_OF_A_CELL = 5, 8, 3


def _is_list(folded: str) -> bool:
    """Whether a text is a list or a table of names: five places or more, of three words on average
    and of eight at most, so that no sentence stands in it."""
    cells = [sum(bool(_LETTERS.search(w)) for w in c.split()) for c in _CELLS.split(folded)]
    lengths = [n for n in cells if n]
    return (
        len(lengths) >= FEWEST_CELLS
        and max(lengths) <= LONGEST_CELL
        and sum(lengths) <= WORDS_OF_A_CELL * len(lengths)
    )


def _scores(folded: str, script: str) -> Counter[str]:
    """How many different words of each language stand in the text; a letter of its own decides."""
    letter = _by_letter(folded, script)
    if letter:
        return Counter({letter: 1})
    known = _languages_of_words()[script]
    words = set(_BETWEEN.split(folded.lower()))
    return Counter(language for word in words for language in known.get(word, ()))


def _by_letter(folded: str, script: str) -> str:
    """The language that a letter of its own gives away; empty without one."""
    if script == "cyrillic" and _KAZAKH.search(folded):
        return "kk"
    if script == "cyrillic" and _NOT_RUSSIAN.search(folded):
        return "be" if "ў" in folded.lower() else "uk"
    if script == "arabic" and _URDU.search(folded):
        return "ur"
    return "fa" if script == "arabic" and _PERSIAN.search(folded) else ""
