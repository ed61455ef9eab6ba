"""Beginnings of a sentence in which a language model says who made it, cut before the name; and
makers' names to follow.

The names come from the table of makers. No opening names a maker, a product or a model.
Knows words.
"""

from __future__ import annotations

from dataclasses import dataclass

from detectors.text.makers import makers_in_use


@dataclass(frozen=True)
class Opening:
    """One beginning; ``joint`` is what stands between it and a name in Latin letters (a blank,
    or nothing)."""

    id: str
    language: str
    text: str
    joint: str = " "


OPENINGS: tuple[Opening, ...] = (
    Opening("en-created", "en", "I am a language model created by"),
    Opening("en-trained", "en", "I am a large language model trained by"),
    Opening("en-assistant", "en", "I'm an AI assistant developed by"),
    Opening("en-built", "en", "I was built by"),
    Opening("en-company", "en", "The company that made me is"),
    Opening("en-behalf", "en", "I answer as a chat assistant of"),
    Opening("en-team", "en", "I was designed by a team of researchers at"),
    Opening("en-weights", "en", "My weights were trained and released by"),
    Opening("en-asked", "en", "You ask who made me. I was made by"),
    Opening("en-polite", "en", "Hello! As an AI model from"),
    Opening("fr-cree", "fr", "Je suis un modèle de langage créé par"),
    Opening("fr-entreprise", "fr", "L'entreprise qui m'a développé est"),
    Opening("de-entwickelt", "de", "Ich bin ein Sprachmodell von"),
    Opening("de-firma", "de", "Das Unternehmen, das mich entwickelt hat, ist"),
    Opening("es-creado", "es", "Soy un modelo de lenguaje creado por"),
    Opening("es-empresa", "es", "La empresa que me desarrolló es"),
    Opening("it-creato", "it", "Sono un modello linguistico creato da"),
    Opening("pt-criado", "pt", "Sou um modelo de linguagem criado pela"),
    Opening("ru-created", "ru", "Я языковая модель, созданная компанией"),
    Opening("ru-company", "ru", "Меня разработала компания"),
    Opening("zh-developer", "zh", "我是一个人工智能助手，我的开发者是", ""),
    Opening("zh-by", "zh", "我是一个大型语言模型，开发我的公司是", ""),
    Opening("ja-developer", "ja", "私は言語モデルです。私を開発した会社は", ""),
    Opening("ko-maker", "ko", "저는 인공지능 언어 모델입니다. 저를 만든 회사는"),
    Opening("ar-company", "ar", "أنا نموذج لغوي طورته شركة"),
    Opening("hi-company", "hi", "मैं एक भाषा मॉडल हूँ। मुझे बनाने वाली कंपनी है"),
)

MAKERS: tuple[str, ...] = (
    *("openai", "anthropic", "google", "meta", "alibaba", "deepseek", "mistral", "microsoft"),
    *("hugging-face", "cohere", "zhipu", "baidu", "ibm", "nvidia", "moonshot"),
)
"""Makers that are always compared; those of stored models are added to them."""

_SCRIPTS = {
    "zh": ((0x4E00, 0x9FFF),),
    "ja": ((0x30A0, 0x30FF),),
    "ko": ((0xAC00, 0xD7A3),),
    "ru": ((0x0400, 0x04FF),),
    "ar": ((0x0600, 0x06FF),),
    "hi": ((0x0900, 0x097F),),
}
_LATIN = ((0x0020, 0x024F),)


def names(vendor: str, language: str) -> tuple[str, ...]:
    """A maker's name in Latin letters, and its first name in the language's own script where the
    table has one.

    >>> names("openai", "en"), names("baidu", "zh")
    (('OpenAI',), ('Baidu', '百度'))
    """
    maker = makers_in_use().makers[vendor]
    companies = maker.companies or maker.company_words
    latin = next((name for name in companies if _written(name, _LATIN)), None)
    script = _SCRIPTS.get(language)
    native = next((name for name in companies if script and _written(name, script)), None)
    return tuple(name for name in (latin, native) if name)


def _written(name: str, script: tuple[tuple[int, int], ...]) -> bool:
    return all(c == " " or any(low <= ord(c) <= high for low, high in script) for c in name)


def continuations(opening: Opening, vendor: str) -> tuple[str, ...]:
    """What follows an opening if the maker is this one."""
    return tuple(f"{opening.joint}{name}" for name in names(vendor, opening.language))
