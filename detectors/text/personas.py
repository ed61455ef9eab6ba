"""Which makers' names does a system prompt give the model, and which does it only mention?

Knows wordings that give a name, in the languages that claims are read in, and the table of makers;
knows no answer. A name that is forbidden, compared or asked about is no name given. A prompt in a
language that is not read counts as giving every name in it: nobody can tell, and a persona's word
must not be held against the model.
"""

# ruff: noqa: E501  (a table of phrases is read and compared by the line)

from __future__ import annotations

import re
from dataclasses import dataclass

from detectors.text.claim_reach import last_match
from detectors.text.languages import seems
from detectors.text.vendors import Mention, find_mentions, fold

_REACH = 60
"""Characters between "you are" and the name that it gives: an adjective or two, and a noun."""
_BEFORE = 40
"""Characters before "you are" that may turn it round: "never say that …"."""
_LABEL = 40
"""Characters of a prompt that holds a name and hardly more: a label, no sentence about others."""

_WORDS_OF_A_LABEL = 4
_SENTENCE_ENDS = frozenset(".!?\n。！？;；")
_GIVES = re.compile(
    r"\byou(?: are|'re| will be| must be| play| act| serve)\b|\byour (?:\w+ ){0,3}?(?:name|identity|model|persona|role|maker|creator|developer)s? (?:is|are)\b"
    r"|\b(?:act|answer|respond|speak|reply|behave|identify|introduce|present|describe|roleplay|pose|serve)(?: \w+)? as\b|\b(?:pretend|claim|purport) to be\b|\b(?:impersonate|imitate|mimic|character as)\b|\bcall yourself\b|\bpretend you\b"
    r"|\b(?:called|named|known as)\b|\b(?:assistant|model|chatbot|bot|ai|persona|character)(?:'s name)? (?:is|here is)\b|\bi am\b|\bthis is\b"
    r"|^\W*(?:name|model|role|persona|identity|assistant|maker|vendor|provider|system)\s*[=]?\s*$"
    r"|[你您](?:就)?(?:是|叫|名叫|的名字|的身份|扮演|将)|由(?=[^。]{0,20}(?:开发|開發|训练|訓練|创建|创造|研发))|扮演|あなた(?:は|の名前は)|君は|として|당신(?:은|의 이름은)|(?:너는|넌)"
    r"|\b(?:tu es|vous etes|ton nom est|votre nom est|tu t'appelles|vous vous appelez|agis comme|agissez comme)\b"
    r"|\b(?:du bist|sie sind|dein name ist|ihr name ist|du heisst|sie heissen|du wurdest|sie wurden)\b|\bdu hei(?:ss|ß)t\b"
    r"|\b(?:eres|usted es|te llamas|se llama|tu nombre es|su nombre es|actua como|fuiste|fue) ?\b"
    r"|\b(?:voce e|tu es|seu nome e|teu nome e|voce se chama|aja como|voce foi|foi)\b|\b(?:tu sei|sei|ti chiami|il tuo nome e|agisci come)\b"
    r"|\b(?:je bent|jij bent|u bent|je naam is|jouw naam is|uw naam is|je heet|u heet)\b|\b(?:jestes|nazywasz sie|twoje imie to|masz na imie)\b"
    r"|(?:^|\W)(?:ты|вы|тебя зовут|вас зовут|твое имя|ваше имя|ти|ви|тебе звати|вас звати|твое им'я)\W"
    r"|\b(?:sen|siz|adin|adiniz|senin adin)\b|\b(?:kamu(?: adalah)?|anda(?: adalah)?|namamu|nama (?:kamu|anda))\b|\b(?:ban la|ten (?:cua )?ban(?: la)?)\b"
    r"|(?:أنت|انت|اسمك)|(?:तुम|आप|तुम्हारा नाम|आपका नाम)|(?:তুমি|আপনি|তোমার নাম|আপনার নাম)|(?:^|\W)(?:تو|شما|نام شما|اسم تو)\W|คุณ(?:คือ|เป็น|ชื่อ)|ชื่อของคุณ"
)
"""Words before a name that give it to the model; of a text that is folded and in small letters."""
_FIELD = (
    r"(?:(?:your|its|the|assistant|model|bot|agent|ai|system|display) )?(?:name|model|role|persona|character|identity|assistant|maker|vendor|provider|developer|creator|company|you|who you are|about you"
    r"|identite|nom|identitat|rolle|identidad|nombre|identidade|nome|identita|ruolo|identiteit|naam|rol|tozsamosc|imie|nazwa|personlichkeit|personnage|papel|personaje"
    r"|kimlik|ad|isim|identitas|nama|peran|danh tinh|ten|vai tro|личность|имя|роль|ім'я|особистість|الهويه|الاسم|الدور|هويت|هویت|نام|نقش|पहचान|नाम|भूमिका|পরিচয়|নাম|ভূমিকা"
    r"|ชื่อ|ตัวตน|บทบาท|身份|名字|名称|角色|人设|姓名|名前|役割|人格|이름|신원|역할|정체)"
)
_OF_A_FIELD = re.compile(rf"^[\W_]*{_FIELD}[\W_]*$")
_OPENS_A_FIELD = re.compile(rf"^[\W_]*{_FIELD}\s*[)*_\"']*\s*(?:[:=：>\]]|[-–—](?!\w))")
"""A line of a form: what it is a form of stands before a mark, or on a line of its own."""
_HEADING = re.compile(r"^\s*(?:#{1,6}|={1,6}|\*{2})\s*$")
_MADE = re.compile(
    r"\b(?:made|created|built|developed|trained|designed|powered|provided|released|owned|operated|run|published) by\b"
    r"|\b(?:based|built|running) on\b|\b(?:model|assistant|chatbot|bot|ai|product|agent) (?:of|by|from)\b"
)
_OF_THE_MODEL = re.compile(r"\b(?:you|your|assistant|chatbot|bot|model|ai)\b")
"""Who is made: without a word for the model, "made by" is said of something else."""
_INSTRUCTED = re.compile(
    r"^\W*(?:'s)?\s*(?:should|must|will|shall|always|never|responds|answers|does not|avoids|can|may|cannot|uses)\b"
)
"""What follows the name of somebody who is instructed in the third person."""
_TURNED = re.compile(
    r"\b(?:never|not|don't|doesn't|aren't|isn't|no longer|without|avoid|refuse|deny|denies|stop|forbidden|neither|nor|unlike|rather than|instead of)\b"
    r"|\b(?:users?|they|someone|somebody|people|anyone|he|she) (?:says?|claims?|asks?|thinks?|insists?|calls?|suggests?)\b|\b(?:whether|if) you\b"
    r"|\b(?:nicht|nie|kein|keine|pas|jamais|nunca|nao|non|mai|niet|nooit|geen|nie|nigdy|degil|bukan|jangan|khong|dung)\b|(?:^|\W)(?:не|никогда|ніколи)\W"
    r"|不|别|別|勿|ない|않|아니|لا |ليس|नहीं|मत|না|নয়|نه |نیست|ไม่|อย่า|ห้าม"
)
"""Words that turn a giving round, or put it into somebody else's mouth."""
_PRESUMED = re.compile(
    r"\b(?:reveal|disclose|admit|forget|hide|conceal|mention|confirm|discuss|tell|share|leak)\w*(?: \w+){0,3} (?:that|you|your)\b"
)
"""What is to be kept back of this kind is so: "never forget that you are …"."""
_OTHERS = re.compile(
    r"\b(?:that|which|who|about|for|like|than|compar\w*|versus|vs|better|other|another|alternatives?|competitors?|rivals?|replac\w*|users? of|using|from|distinct|experts?|customers?|speciali\w*|fans?|compet\w*)\b"
)
"""Words between "you are" and a name after which the name is somebody else's."""


_COMPARED = re.compile(r"\b(?:compar\w*|compet\w*|other|another|versus|vs)\b")
_ENGLISH = re.compile(
    r"\b(?:answer|mention|respond|reply|users?|questions?|help\w*|talk|discuss|brief\w*|talks?|say)\b"
)
"""Words of instructions, which short English prompts have where they lack its commonest words."""


@dataclass(frozen=True)
class PromptedNames:
    """The makers that a system prompt gives the model a name of, and all that it names."""

    given: frozenset[str] = frozenset()
    mentioned: frozenset[str] = frozenset()


def prompted_names(prompt: str) -> PromptedNames:
    """Reads a system prompt, at most 4,000 characters of it. Deterministic; linear; never raises.

    >>> names = prompted_names("You are Kimi. Never mention OpenAI.")
    >>> sorted(names.given), sorted(names.mentioned)
    (['moonshot'], ['moonshot', 'openai'])
    """
    folded = fold(prompt).text
    mentions = find_mentions(folded)
    every = frozenset(m.vendor for m in mentions)
    lower = folded.lower()
    # A capital may grow in small letters, and places in the two would no longer agree.
    text = lower if len(lower) == len(folded) else folded
    if not every or _label(text) or not _readable(prompt, text):
        return PromptedNames(every, every)
    return PromptedNames(frozenset(m.vendor for m in mentions if _given(text, m)), every)


def _label(text: str) -> bool:
    short = len(text.strip()) <= _LABEL and len(text.split()) <= _WORDS_OF_A_LABEL
    return short and not _TURNED.search(text)


def _readable(prompt: str, text: str) -> bool:
    """Whether givings could be found: by the language, or by a word of an instruction."""
    return seems(prompt).read or bool(_TURNED.search(text) or _ENGLISH.search(text))


def _given(text: str, mention: Mention) -> bool:
    """Whether a name is given where it stands: by the words before it, or by those after it."""
    if _in_a_form(text, mention):
        return True
    sentence = _sentence_before(text, mention.start)
    if not sentence.strip() and _INSTRUCTED.match(text[mention.end : mention.end + _REACH]):
        return True
    return _by_you(sentence) or _by_maker(sentence)


def _in_a_form(text: str, mention: Mention) -> bool:
    """Whether a name fills a field ("# Identity: §", "Name:", or the line below such a heading),
    or is a heading by itself."""
    begin = text.rfind("\n", 0, mention.start) + 1
    left = text[begin : mention.start]
    if len(left) > _REACH or _TURNED.search(left) or _SENTENCE_ENDS & set(left):
        return False
    if left.strip(" \t-*\"'") == "":
        above = text[:begin].rstrip().rpartition("\n")[2]
        return 0 < len(above) <= _REACH and bool(_OF_A_FIELD.match(above))
    end = text.find("\n", mention.end)
    right = text[mention.end : end if end >= 0 else len(text)]
    alone = not any(c.isalnum() for c in right)
    return bool(_OPENS_A_FIELD.match(left)) or (alone and bool(_HEADING.match(left)))


def _by_you(sentence: str) -> bool:
    cue = last_match(_GIVES, sentence, 0)
    if cue is None or len(sentence) - cue.end() > _REACH:
        return False
    between = sentence[cue.end() :]
    if _OTHERS.search(between) or _TURNED.search(between):
        return False
    return not _turned(_last_part(sentence[: cue.start()]))


def _by_maker(sentence: str) -> bool:
    cue = last_match(_MADE, sentence, 0)
    if cue is None or len(sentence) - cue.end() > _REACH or not _OF_THE_MODEL.search(sentence):
        return False
    between = sentence[cue.end() :]
    if _OTHERS.search(between) or _TURNED.search(between) or _COMPARED.search(sentence):
        return False
    return not _turned(_last_part(sentence))


def _turned(before: str) -> bool:
    told = before[-_BEFORE:]
    return bool(_TURNED.search(told)) and not _PRESUMED.search(f"{told} you")


def _sentence_before(text: str, start: int) -> str:
    """What stands before a place in the same sentence, at most 200 characters."""
    before = text[max(0, start - 200) : start]
    return before[max((before.rfind(c) for c in _SENTENCE_ENDS), default=-1) + 1 :]


def _last_part(sentence: str) -> str:
    """The last part of a sentence between commas and colons."""
    return sentence[max(sentence.rfind(c) for c in ",:，،：—") + 1 :]
