"""Claims that a sentence takes back, doubts or reports, and names that it ties to the speaker by
something else than identity: a job, a host, a greeting, a place, a teacher's answers.

Knows phrases only, all of them our own, spelled as `detectors.text.vendors.fold` spells; every
repetition is bounded, so that time stays linear.
"""

# ruff: noqa: E501  (a table of phrases is read and compared by the line)

from __future__ import annotations

from detectors.text.vendors import find_mentions, folded_pattern

_I = r"(?: (?:that )?(?:i|i'm|i've|i'd|my)\b[^,;:]{0,60}| that(?: the)?\s*|\s*)$"
"""Governs the speaker's words up to the name, or the name ("say that § made me"); a comma ends what
it governs."""
_MORE = r"(?: (?!(?:i|is|was|are|to|with)\b)\w+)"
"""A word that leaves a verb its object."""
_SAY = r"(?:said|says?|saying|claim(?:s|ed|ing)?|answer(?:ed|ing)|replied|replying|respond(?:s|ed|ing)?|wr(?:ite|ites|ote|iting)|stat(?:e|es|ed|ing)|tell(?:s|ing)?|told|insist\w*|announc\w+|assert\w*|declar\w+|pretend\w*|admit\w*)"
_OTHERS = r"(?:the|an?|another|this|that|these|those|your|our|some|certain|many|most|several|every|each|all|other|both|few|people|users?|someone|somebody|everyone|everybody|they|he|she|it)"

REPORTED = folded_pattern(
    rf"\b{_OTHERS}\b(?: (?!i\b)[\w-]+){{0,4}}? (?<!to ){_SAY}{_MORE}{{0,2}}?{_I}",
    rf"\bi(?:'m|'ve| am| was| have| had| get| got| keep| kept)(?: \w+){{0,2}}? (?:told|informed|assured|advised|notified|reminded|hearing|heard|read|reading|given to understand|led to believe)(?: \w+){{0,4}}?{_I}",
    rf"\b(?:documentation|prompt|card|text|page|note|manual|label|file) i (?:was|am|have been|had been) \w+ {_SAY}{_I}",
    rf"(?<!my )\b(?:belief|theory|notion|idea|assumption|allegation|suggestion|hypothesis|impression)\b{_I}",
    rf"\bit(?:'s| is| was| has been) (?:\w+ly )?(?:suggested|said|claimed|rumou?red|reported|alleged|assumed|believed|thought){_I}",
    r"\baccording to (?:rumou?rs?|gossip|legend|some|many|people|others)\b[^;:]{0,50}$",
    rf"\b(?:word|rumou?r|legend|gossip|story) (?:has it|goes|is|says){_I}",
    r"\b(?:man|mir|leute|jemand)\b[^,;:]{0,24}\b(?:sagt|sagte|gesagt|erzählt|mitgeteilt|informiert)\b[^,;:]{0,12},? (?:dass )?ich\b[^,;:]{0,40}$",
    r"\b(?:on|ils|certains)(?: m'a| m'ont| me| m')? ?(?:dit|disent|informée?|raconte)(?: souvent)? que (?:je|j'|mon)[^,;:]{0,40}$|\bme (?:dicen|dijeron|informaron|contaron|disseram|dizem|informaram) que\b[^,;:]{0,40}$",
    r"\bмне (?:\w+ )?(?:говорят|сказали|сообщили),? что (?:я|меня)\b[^,;:]{0,40}$|(?:有人|他们|别人|系统)[^,。;]{0,6}(?:告诉|说|通知)[^,。;]{0,4}我[^,。;]{0,12}$",
    r"\bmi (?:hanno detto|dicono|è stato detto) che\b[^,;:]{0,30}$|\b(?:powiedziano|mówią) mi,? że\b[^,;:]{0,30}$",
)
"""Another says it, or told it to the speaker, without quotation marks."""

SPOKEN_FOR = folded_pattern(
    rf"\b{_OTHERS}\b(?: (?!i\b)[\w-]+){{0,4}}? {_SAY}(?: (?!i\b)\w+){{0,3}}?:\s[^.;:]{{0,60}}$",
    r"^\W*(?:(?:if|when(?:ever)?)\b[^,;:]{1,30}, )?(?:(?:please|now|just|then|ok|okay|kindly) )*(?:say|repeat|write|type|copy|recite|echo|(?:finish|complete) (?:the|this|my)|chant|read aloud|answer (?:with|by)|reply (?:with|by)|respond (?:with|by))\b(?: (?!i\b)[\w']+){0,6}:\s[^.;:]{0,60}$",
    r"^\W*(?:bitte )?(?:sag|sage|sagen sie|wiederhole|sprich mir nach|schreib|schreibe)\b[^.;:]{0,20}:\s[^.;:]{0,60}$|^\W*(?:dis|dites|répète|répétez|écris|écrivez|repite|repita|di|escribe|repita|escreva)\b[^.;:]{0,20}:\s[^.;:]{0,60}$|^\W*(?:скажи|скажите|повтори|повторите|напиши)\b[^.;:]{0,20}:\s[^.;:]{0,60}$|^\W*(?:请)?(?:跟我(?:说|念)|重复|复述)[^.;:]{0,8}:[^.;:]{0,30}$",
)
"""What follows the colon is another's sentence, or one to be said."""

_NEVER_MIND = r"(?<!no )(?<!not )(?<!n't )(?<!cannot )(?<!never )(?<!without )(?<!a )(?<!any )(?<!little )(?<!beyond )(?<!to )"
UNDONE = folded_pattern(
    rf"\b(?:sorry|apolog\w*|regret\w*|retract\w*|withdr[ae]w\w*|take back|forgive|pardon|excuse)\b(?! for not\b)[^,;:]{{0,30}}\b{_SAY}\b{_MORE}{{0,3}}?{_I}",
    rf"\b(?:misspoke|misstated|erred|wrong|mistaken|hallucinat\w+|mistakenly|wrongly|falsely|erroneously|accidentally|incorrectly|bug|glitch|error|mistake|slip|fault|malfunction|hallucination|typo)\b[^,;:]{{0,30}}\b{_SAY}\b{_MORE}{{0,3}}?{_I}",
    rf"\b(?:nobody|no one|nothing|not|never)\b[^,;:]{{0,20}}\b(?:shown|shows|proved|proven|proves|demonstrat\w+){_I}",
    rf"(?:\b(?:not|cannot|never|won't|refus\w+|declin\w+|unwilling|reluctant|stop|stopped|quit)|n't)(?: (?!tired|ashamed|afraid|shy|only|just|merely|hesitate|mind)[\w']+){{0,3}}? {_SAY}(?: you| anyone| people| users)?{_I}",
    rf"\b{_NEVER_MIND}(?:doubt(?:s|ed|ful|ing)?|deny|denies|denied|denying|disput\w+|unlikely|improbable|question(?:able)?)\b(?: \w+){{0,2}}?{_I}",
    r"\b(?:take back|retract|withdraw) (?:that|what|my|the)\b[^,;:]{0,60}$",
    rf"\b(?:hacked|tricked|forced|fooled|manipulated|coaxed|trained|taught|told|programmed|mak(?:es?|ing) me|made me|made to|quoted as)(?: to| into)? {_SAY}{_I}",
    rf"\bi (?:\w+ly |once )?(?:believed|thought|imagined|assumed|felt){_I}",
    rf"\bno (?:\w+ )?(?:evidence|proof|sign|indication|basis|record|memory)\b[^,;:]{{0,24}}{_I}",
    r"\b(?:entschuldig\w+|verzeih\w+|tut mir leid)\b[^;:]{0,30}\b(?:gesagt|behauptet|geschrieben)\b[^;:]{0,10}\bich\b[^,;:]{0,24}$|\bbezweifle\b[^;:]{0,10}\bich\b[^,;:]{0,24}$",
    r"\b(?:désolée?|pardon|excuse\w*|perdón|disculp\w+|desculp\w+|lamento|siento)\b[^,;:]{0,16}\b(?:dit|dire|affirmé|decir|dicho|afirmar|dizer|dito)\b[^,;:]{0,12}\b(?:que|qu')[^,;:]{0,40}$|\b(?:je doute|dudo|duvido)\b(?: de)? (?:que|qu')[^,;:]{0,30}$",
    r"\b(?:извини\w*|простите|прости|сожалею)\b[^;:]{0,16}\b(?:сказал\w?|говорил\w?|написал\w?|утверждал\w?)\b[^;:]{0,12}\bя\b[^,;:]{0,24}$|\bсомневаюсь\b[^;:]{0,8}\b(?:я|меня)\b[^,;:]{0,24}$",
    r"(?:抱歉|对不起|不好意思|误|错)[^。;:]{0,10}(?:说|回答|声称)(?:了|过)?我[^,。;]{0,10}$|(?:我)?(?:怀疑|不相信)我[^,。;]{0,10}$",
    r"\b(?:dispiace|scus\w+)\b[^;:]{0,16}\b(?:detto|dire) che\b[^,;:]{0,30}$|\b(?:przepraszam|żałuję),? że (?:powiedział\w+|twierdził\w+|napisał\w+),? że\b[^,;:]{0,30}$|\bwątpię,? (?:że|czy|aby)\b[^,;:]{0,30}$",
)
"""The speaker takes it back, doubts it or will not say it."""

FORMER = folded_pattern(
    r"\b(?:formerly|previously|once|in the past|until (?!told)|before|prior to|back then|ago|last year)\b[^;:]{0,40}\b(?:(?:was|were|been|formerly|previously|once) (?:called|named|known as|nicknamed|dubbed)|name was)\s*$",
    r"\b(?:formerly|previously|once) (?:known as|called|named|dubbed|nicknamed)\s*$|\b(?:yesterday|last (?:year|month|week)|in the past|formerly|previously)\b[^;:]{0,12}\bi was\s*$|\b(?:meant|supposed|intended|going) to be(?: called| named)?\s*$",
    r"\bin (?:my|a|another|some) (?:\w+ )?(?:dreams?|life|nightmare|universe|fantasy)\b[^;:]{0,24}$",
    r"\bi used to (?:be|go by|answer to|have)\b[^,;:]{0,24}$|\bmy (?:old|former|previous|earlier|past)(?: \w+)? name\b[^,;:]{0,12}$",
    r"\b(?:früher|vormals|ehemals|damals|zuvor)\b[^,;:]{0,16}\b(?:hieß|genannt|heißen)\b[^,;:]{0,8}$|\b(?:avant|autrefois|jadis|anciennement)\b,?[^,;:]{0,12}\b(?:m'appelais|appelée?|nommée?)\s*$|\b(?:antes|anteriormente)\b,?[^,;:]{0,12}\b(?:me llamaba|me llamaban|chamava|chamavam|llamado|chamado)\s*$",
    r"\b(?:раньше|прежде|ранее)\b[^,;:]{0,8}\bменя (?:звали|называли)\s*$|(?:以前|曾经|曾|之前|过去)(?:我)?(?:的名字)?(?:被)?(?:叫做|称为|叫|是)\s*$",
    r"\b(?:önceden|eskiden|daha önce)\b[^,;:]{0,12}\badım\s*$|\b(?:dulu|dahulu|sebelumnya)\b[^,;:]{0,16}\b(?:nama saya|namaku|bernama|disebut|dipanggil)(?: adalah)?\s*$|\b(?:trước đây|trước kia|ngày xưa)\b[^.;:]{0,16}\btên(?: là)?\s*$|\b(?:раніше|колись)\b[^,;:]{0,8}\bмене (?:звали|називали)\s*$",
    r"(?:以前|昔|かつて|旧)[^。]{0,10}(?:名前|名称|名)(?:は|が)\s*$|(?:예전|이전|과거)에?[^.]{0,6}이름은\s*$|\bكان اسمي\b[^.]{0,12}$|\bاسمي (?:السابق|القديم)\b[^.]{0,6}$",
)
"""A name that the speaker had and has no more."""

_MAKERS = r"(?:creators?|makers?|developers?|founders?|team|engineers?|owners?|authors?|company|builders?)"
RELATED = folded_pattern(
    rf"\b{_MAKERS}\b[^;:]{{0,40}}\b(?:formerly|previously|once|used to|former|ex|left|quit|departed|resigned|alumni|veterans?|partners?|partnered|partnership|competitors?|rivals?|customers?|clients?|collaborat\w+|friends?|investors?|funded|backed|financed|sponsored|suppliers?|neighbou?rs?|fans?|compete\w*)\b[^,;:]{{0,40}}$",
    r"\bi(?:'m| am)? (?:currently |now |also |still )?(?:work|working|employed|intern|interning)(?: (?:part-time|full-time|remotely))? (?:at|in|by|as an? (?!ai|assistant|chatbot|virtual)[\w-]+(?: \w+)? (?:at|for|in))\b[^,;:]{0,12}$",
    r"\bavailable (?:through|on|via|in|inside)\b[^,;:]{0,24}(?<!by )$",
    r"\bdistil+(?:ed|ation)(?: \w+)? (?:from|of)\b[^,;:]{0,24}$|\b(?:student|pupil|imitation|imitator) of\b[^,;:]{0,12}$|\b(?:imitat(?:e|es|ing)|mimic(?:s|king)?|emulat(?:es?|ing)|copying|parodying)\s*$",
    r"\b(?:her|his|their|your) (?:\w+ )?name\b[^,;:]{0,16}$",
    r"\b(?:tired|sick|afraid|jealous|wary|opposite|detectors?) of(?: the)?\s*$|\b(?:everything|all) (?:except|apart from)\s*$|\bi(?:'m| am) (?:less|as much)\s*$",
)
"""Another tie to the name: a maker's past or partner, a job, a shop, a teacher."""

_TAUGHT = r"\b(?:train|pre-?train|fine-?tun|tun|learn|taught|distil|instruct|align|based|built|stud)\w*(?: (?!by\b)\w+)? (?:on|upon|from|with|using|over|by imitating)\b"
_STUFF = r"(?:answers?|outputs?|responses?|repl(?:y|ies)|conversations?|dialogues?|completions?|generations?|demonstrations?|transcripts?|chats?|logs|texts?|examples?|samples?|data|datasets?|labels|corpus|instructions)"
_LEARNT = r"(?:knowledge(?: base)?|information|facts?|wisdom|expertise)"
LESSONS = folded_pattern(
    rf"\bmy (?:\w+ )?{_LEARNT}(?: \w+)? (?:comes?|came|stems?|originat\w+|deriv\w+|drawn|taken|distilled|sourced|learn(?:ed|t)|is|was) (?:\w+ )?from(?: (?!by\b)[\w'-]+){{0,4}}\s*$",
    r"\bmein wissen\b[^,;:]{0,12}\b(?:stammt|kommt)\b[^,;:]{0,8}\b(?:aus|von)\b[^,;:]{0,12}$|\b(?:mes connaissances|mon savoir)\b[^,;:]{0,8}\b(?:viennent|proviennent|vient|provient) d[^,;:]{0,12}$|\b(?:mis?|meus?) (?:conocimientos?|conhecimentos?)\b[^,;:]{0,6}\b(?:pro)?(?:vien|vem|vêm)\w* d[^,;:]{0,12}$|我的知识(?:主要|都|全部)?(?:来自|来源于|源自)[^,。;由]{0,16}$",
    rf"{_TAUGHT}[^;:]{{0,60}}\b{_STUFF}(?: that (?:was|were))? (?:of|from|(?:written|generated|produced|authored|composed|created|made|synthesi[sz]ed) (?:by|with|using))(?: the)?\s*$",
    rf"\bmy training {_STUFF}\b[^,;:]{{0,30}} (?:by|from|of)\s*$|\b(?:training (?:set|material)|my (?:dataset|corpus))\b[^,;:]{{0,30}} (?:by|from|of)\s*$",
    r"\b(?:mit|auf|an|anhand)\b[^,;:]{0,20}\b(?:antworten|ausgaben|daten|texten|beispielen|gesprächen) (?:von|aus)\s*$|\b(?:sur|avec|à partir)\b[^,;:]{0,20}\b(?:réponses|sorties|textes|exemples) (?:de|d'|du)\s*$|\b(?:con|en|com|nas|em)\b[^,;:]{0,16}\b(?:respuestas|respostas|salidas|saídas|ejemplos|exemplos) (?:de|do|da)\s*$",
    r"\bна (?:ответах|текстах|примерах|диалогах)(?: от)?\s*$|\bop (?:antwoorden|teksten) van\s*$|\bsu (?:risposte|testi) d[ia]\s*$",
)
"""What taught the speaker was written by the one who is named."""
LESSONS_LEFT = folded_pattern(rf"{_TAUGHT}[^,;:]{{0,40}}$", r"用\s*$|使用\s*$|通过\s*$")
RIGHT_LESSONS = folded_pattern(
    r"^(?:'s|s'|')?(?:[ -][\w-]+){0,2}?[ -](?:answers?|outputs?|responses?|replies|conversations?|dialogues?|completions?|generations?|demonstrations?|transcripts?|chats?|logs)\b|^-(?:generated|written|produced|made)\b|^ as (?:my |the |a )?teacher\b",
    r"^\s?的?(?:回答|输出|回复|对话)",
)
RIGHT_TAUGHT = folded_pattern(
    r"^の(?:回答|出力|応答|返答)[^。]{0,10}(?:学習|訓練)|^의 (?:답변|출력|응답|대화)[^.]{0,10}(?:학습|훈련)|^\s?的?(?:回答|输出|回复)[^。]{0,8}(?:训练|学习)"
)
"""The named one's answers taught the speaker."""

HOSTED = folded_pattern(
    r"\b(?:run|runs|running|hosted|deployed|live|served) (?:on|in|from|by)\b[^,;:]{0,24}$"
)
RIGHT_HOSTED = folded_pattern(
    r"^(?:'s|s'|')?(?: [\w-]+){0,2}? ?(?:servers?|cloud|hardware|machines?|infrastructure|chips?|gpus?|tpus?|data ?cent(?:er|re)s?|azure)\b"
)
RIGHT_SHOP = folded_pattern(
    r"^(?:'s|s'|')? (?:(?:play|app|web|gpt|plugin) )?(?:store|marketplace|storefront)\b"
)

GREETING = folded_pattern(
    r"^\W*(?:hello|hi|hey|dear|thanks|thank you|greetings|good (?:morning|evening|afternoon|day)|hallo|bonjour|salut|hola|ciao|olá|привет|здравствуй|你好),?(?: there| again| my friend)?,?\s*$"
)
RIGHT_GREETING = folded_pattern(r"^(?:[!.]|\s*$|,(?! (?:here|made|an? |the |at your|by|from|at)))")
"""A name that a greeting is addressed to."""

_OWN = r"(?:creat|mak|develop|model|weight|param|train|architect|network|code|system|software|design|core|engine|brain|base|foundation|backbone|underly|language|program|name|persona|identity|algorithm|technolog|knowledge|respons|answer|capabilit|abilit|version|self|exist|source|ai\b|assistant|llm|behavio|polic|rule|guideline)"
BELONGING = folded_pattern(
    rf"\bmy (?:(?!{_OWN})[\w-]+ ){{1,3}}(?:was|were|is|are|has been|have been) (?:\w+ )?(?:created|made|built|written|designed|developed|trained|produced|invented|owned|released|published|composed|painted|operated|provided|run|hosted|managed|maintained|supplied) (?:\w+ )?by\b[^,;:]{{0,20}}$"
)
"""Something of the speaker's was made by the one who is named."""

RIGHT_PLACE = folded_pattern(
    r"^,? an? (?:[\w-]+ ){0,2}?(?:village|town|city|hamlet|suburb|island|province|county|valley|street|neighbou?rhood)\b",
    r"^, (?:ein|eine|einem|einer|un|une|una|uma|um) (?:\w+ ){0,2}?(?:dorf|stadt|städtchen|village|ville|pueblo|ciudad|aldeia|cidade|paese|città|villaggio)\b",
)
"""The name is a place's."""

LIKENED_LEFT = folded_pattern(r"\bpoor man's\s*$")
LIKENED = folded_pattern(r"\b(?:the|an?|your|our)\s*$")
RIGHT_LIKENED = folded_pattern(r"^ of (?:the |our |your |all )?\w+")
RIGHT_FOR = folded_pattern(r"^ for (?!you\b|today|now\b|this\b)\w+")
_BY_ARTICLE = folded_pattern(r"\b(?:an?|your|our)\s*$")

RIGHT_UNDONE = folded_pattern(
    r"^[^.;:]{0,24}\b(?:was|is|were) (?:an (?:error|accident)|a (?:bug|glitch|slip|joke|hallucination|typo)|a? ?(?:\w+ )?(?:mistake|error)|not true|never true)\b",
    r"^[^.,;:]{0,12}\b(?:by mistake|by accident|mistakenly|in error|erroneously|accidentally)\b",
    r"^ until\b|^ (?:once )?(?:made me (?:an?|laugh|cry|smile|happy|sad|angry)|taught me an? (?:lesson|lot))\b",
)
"""What was said turns out to be no truth, right of the name."""


STEP = folded_pattern(r"^step \d{1,2}$")
RIGHT_STEP = folded_pattern(r"^\s?(?:[:)]|[–—-]\s)\s{0,3}\S")
LEFT_STEP = folded_pattern(r"^[\s#\->•+(]*$")


def headed(name: str, sentence: str, right: str) -> bool:
    """Whether a name heads a part of instructions ("Step 3: choose …"), as StepFun's models are
    called."""
    return bool(STEP.match(name) and LEFT_STEP.match(sentence) and RIGHT_STEP.match(right))


def undone(clause: str, sentence: str, right: str) -> bool:
    """Whether the words beside a name undo the claim: ``clause`` is what stands before it since the
    last turn of thought, ``sentence`` all of the sentence before it, ``right`` the rest."""
    return bool(
        REPORTED.search(clause)
        or SPOKEN_FOR.search(sentence)
        or UNDONE.search(clause)
        or RIGHT_UNDONE.match(right)
        or FORMER.search(clause)
        or RELATED.search(clause)
        or BELONGING.search(clause)
        or _addressed(sentence, right)
        or _by_the_side(clause, right)
    )


def _addressed(sentence: str, right: str) -> bool:
    return bool(GREETING.match(sentence) and RIGHT_GREETING.match(right))


def _by_the_side(clause: str, right: str) -> bool:
    """Whether the name is of a shop, a host, a place, a teacher or a figure of speech."""
    return bool(
        LESSONS.search(clause)
        or RIGHT_TAUGHT.match(right)
        or (LESSONS_LEFT.search(clause) and RIGHT_LESSONS.match(right))
        or (HOSTED.search(clause) and RIGHT_HOSTED.match(right))
        or RIGHT_SHOP.match(right)
        or RIGHT_PLACE.match(right)
        or _likened(clause, right)
    )


def _likened(clause: str, right: str) -> bool:
    """Whether it is "the § of cooking"; "the § of OpenAI" is none."""
    if LIKENED_LEFT.search(clause):
        return True
    of = LIKENED.search(clause) and RIGHT_LIKENED.match(right)
    matched = of or (_BY_ARTICLE.search(clause) and RIGHT_FOR.match(right))
    return bool(matched) and not find_mentions(right[:40])
