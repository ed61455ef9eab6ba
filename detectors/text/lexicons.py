"""Word lists that the stylistic features count: function words, hedges, refusals, reasoning
markers, forms of address.

Knows words; knows nothing of models. Lists hold no topic words: what a text is about must not move
them. Phrases are sought in lower case on whole tokens (`detectors.text.phrase_rates`).
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


FUNCTION_WORDS: dict[str, tuple[str, ...]] = {
    "en": _words(
        "the a an and or but if of to in on at by for with from as that this these those it its is"
        " are was were be been being have has had do does did not no can could may might will would"
        " shall should must which who whom whose what when where why how than then so such also"
        " however therefore while although because since there here about into over under between"
        " through during before after again further once each both few more most other some any all"
        " only own same too very just you your we our they their he she his her him them us me my i"
        " one it's i'm don't can't here's let's you're that's within without whether rather upon"
        " along across towards toward among amongst yet still even else nor neither either though"
        " unless until overall additionally furthermore moreover finally instead"
    ),
    "fr": _words(
        "le la les un une des du de et ou mais que qui dans sur pour par avec ce cette ces il elle"
        " est sont pas ne"
    ),
    "de": _words(
        "der die das ein eine und oder aber dass nicht mit von zu auf für ist sind im dem den des"
        " auch als wie es"
    ),
    "es": _words(
        "el la los las un una y o pero que en de del por para con es son no se su como más al lo"
        " este esta"
    ),
    "it": _words(
        "il lo gli una e ma che di del della per con non è sono come più anche questo questa nel"
        " alla"
    ),
    "pt": _words(
        "o os uma e ou mas que em do da dos das por para com não é são se como mais também ao na no"
    ),
    "ru": _words("и в не на я что с он а как это по но из за от то для же бы или так если"),
    "ar": _words("في من على إلى عن مع هذا هذه ذلك التي الذي أن إن كان لا ما هو هي أو ثم قد كل"),
    "hi": _words("के का की है में से को और पर यह एक हैं कि नहीं भी तो या लिए"),
    "zh": _words(
        "的 了 是 在 和 有 不 也 就 都 而 与 或 但 如 以 可 这 那 您 你 我 们 及 等 被 将"
    ),
    "ja": _words("の に は を が と で も か な こ そ"),
}

HEDGES = _phrases(
    "may|might|could|perhaps|possibly|likely|generally|typically|usually|often|sometimes|can be|"
    "tend to|it seems|appears to|in general|it depends|it's important to note|"
    "it is important to note|it's worth noting|it is worth noting|keep in mind|please note|"
    "note that|however|not necessarily|in some cases|i think|i believe|i'm not sure|"
    "as far as i know|to my knowledge"
)

REFUSALS = _phrases(
    "i cannot|i can't|i'm sorry|i am sorry|i apologize|unfortunately|i'm unable|i am unable|"
    "i'm not able to|i am not able to|as an ai|as a language model|as an ai language model|"
    "i do not have|i don't have|i don't feel comfortable|not appropriate|consult a professional|"
    "i won't|i must decline|je ne peux pas|ich kann nicht|lo siento|对不起|抱歉|我无法|"
    "عذرا|لا أستطيع|извините|申し訳"
)

REASONING = _phrases(
    "wait|alternatively|hmm|<think>|</think>|let me think|let's think|let me check|"
    "let me double-check|let me verify|hold on|on second thought|actually|first,|second,|next,|"
    "step by step|therefore|so,|okay,|ok,|now,|step 1|to summarize|in summary|in conclusion|"
    "overall,"
)

ADDRESS = _phrases(
    "sure|certainly|of course|absolutely|great question|good question|happy to help|glad|"
    "i hope this helps|hope this helps|let me know|feel free|would you like|do you have any|"
    "is there anything|if you have any|here are|here is|here's|below is|the following|as follows|"
    "thank you|thanks for|you're welcome|i'd be happy|i would|i'll|in my opinion|my knowledge|"
    "enjoy|good luck|remember"
)
