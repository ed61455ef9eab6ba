"""Does a question ask a model who it is, or who made it? In anybody's own words.

Knows wordings in some thirty languages; knows no maker, and nothing of the answer. The question bank
needs none of this: its probes say what they are. Where it errs, an answer stands in another row of a
table: a bare name counts as a claim only after such a question.
"""

# ruff: noqa: E501  (a table of phrases is read and compared by the line)

from __future__ import annotations

import re
from functools import lru_cache

from detectors.text.vendors import fold

LONGEST_QUESTION = 400
"""Characters; longer prompts are tasks, in which such words stand for something else."""

LONGEST_TASK = 4000
"""Characters of a task that are looked through for a role to play."""

_WORDINGS: tuple[str, ...] = (
    # English
    r"\bwho (?:exactly |really |actually )?(?:are|r) (?:you|u)\b(?! (?:\w+ing|talking|to)\b)",
    r"\bwhat (?:exactly |really |actually )?(?:are|r) (?:you|u)(?: really| exactly| called)?\s*(?:[?!.]|$)",
    (
        r"\b(?:what|which) (?:\w+ ){0,3}?(?:model|version|ai|llm|chatbot|chat bot|assistant|bot|gpt|engine)"
        r"\b[^.?!\n]{0,30}\b(?:you|u|your)\b"
    ),
    r"\b(?:what'?s|what is|tell me|say|state|give me) (?:your|ur) (?:\w+ ){0,3}(?:name|identity|model|version|maker)\b",
    (
        r"\b(?:who|what|(?:which|what) (?:\w+ ){0,2}?(?:model|ai|llm|bot|chatbot|assistant)) (?:exactly )?(?:am i|are we)"
        r" (?:\w+ )?(?:talking|speaking|chatting|writing|texting) (?:to|with)\s*(?:[?!.,]|here|now|today|$)"
    ),
    r"\b(?:what|which) (?:\w+ ){0,2}?(?:model|ai|llm|chatbot|bot|assistant) is this(?: thing| chat| bot)?\s*(?:[?!.]|$)",
    r"^\W*what(?:'s| is) the (?:underlying|base) (?:ai |language )?(?:model|llm)\s*(?:here|[?!.]|$)",
    r"\byour (?:official |full |real )?name\s*\?",
    r"\bwho (?:\w+ )?(?:made|makes|created|built|developed|trained|designed|owns?|programmed|released) (?:you|u)\b",
    (
        r"\b(?:which|what) (?:company|organi[sz]ation|lab|firm|team|vendor|provider|developer)\b[^.?!\n]{0,30}"
        r"\b(?:you|your)\b"
    ),
    (
        r"\bwho(?:'?s| is| are| was| were) (?:behind you|your (?:\w+ )?(?:maker|creator|developer|owner|"
        r"manufacturer|provider|author|vendor)s?)\b"
    ),
    r"\b(?:introduce|identify) yourself\b(?! as\b)|\btell me (?:a bit )?about yourself\b|\btell me who you are\b",
    r"\bare (?:you|u) (?:really |actually |just )?(?:based on|made by|built on|powered by|running)\b",
    r"\bwhat are you (?:\w+ )?called\b|\b(?:company|organi[sz]ation|team|lab|people) (?:behind|that \w+|who \w+) you\b",
    r"\byour (?:maker|creator|developer)s?\b|\bwhere do you come from\b|\bwhat (?:should|can|do|shall) (?:i|we) call you\b|\bwhat are you (?:based on|built on|running on|powered by)\b",
    # Chinese, Japanese, Korean
    r"你(?:们|們)?(?:到底|究竟|现在)?是(?:谁|誰|什么|什麼|啥|哪|何)|您是(?:谁|誰|什么|哪)|你叫(?:什么|啥|什麼)|你的(?:名字|开发|開發|创造|模型|身份|版本)",
    r"(?:谁|誰|哪家|哪个公司|哪間公司|什么公司).{0,8}(?:开发|開發|创造|創造|训练|訓練|制作|研发|打造|做)了?.{0,2}[你您]|自我介绍|介绍一下你自己",
    r"[你您](?:具体|到底|究竟)?是?(?:哪个|哪一个|什么)(?:\w{0,4})模型|(?:당신|너)의 이름|당신을 (?:개발|만든|만들|소유)",
    r"[你您](?:是|由).{0,6}(?:公司|机构|团队|谁|模型).{0,8}(?:开发|训练|创造|研发|的)|[你您](?:用|基于)的?是?什么.{0,4}模型",
    r"あなた(?:は|って).{0,6}(?:誰|だれ|何者|何という|何の|(?:どの|どんな)(?:ai|モデル|会社))|(?:あなた|君)の名前|お名前|自己紹介",
    r"(?:誰|どこ|どの会社|どの企業).{0,8}(?:あなた|君)を.{0,6}(?:作|開発|創|訓練)|あなたを.{0,8}(?:作|開発|創|訓練).{0,10}(?:誰|どこ|会社|企業)",
    r"(?:넌|너는|당신은|너|당신)\s?.{0,8}(?:누구|뭐야|무슨 모델|어떤 모델|어떤 ai)|이름이\s?(?:뭐|무엇|어떻게)|자기\s?소개",
    r"(?:누가|어느 회사|어떤 회사|어디서).{0,12}(?:만들|개발|훈련|학습)",
    r"(?:お前|おまえ|君|きみ)(?:は|って).{0,3}(?:誰|だれ|何者)|[你您](?:是)?哪位|您叫(?:什么|什麼)|정체가 (?:뭐|무엇)",
    # Languages of Europe
    r"\b(?:t'es|tu es) (?:qui|quoi|quel)\b|\bpresente[- ]toi\b|\ba qui (?:je parle|ai-je affaire)\b|\bdu bist wer\b|\bstell dich (?:bitte )?vor\b",
    r"\bmit wem (?:spreche|schreibe|rede|chatte) ich\b|\b(?:eres|sos) (?:quien|cual|que modelo)\b|\bquien sos\b|\bcon quien (?:hablo|estoy hablando)\b",
    r"\bpresentat[ei]\b|\bcon chi (?:parlo|sto parlando)\b|\btuo nome\b|\bcom quem (?:falo|estou falando)\b|\btu es (?:quem|qual|que modelo)\b|\bvoce e (?:quem|qual modelo|que modelo)\b",
    r"\bwat is (?:je|jouw|uw) naam\b|\bmet wie (?:praat|spreek|chat) ik\b|\bprzedstaw sie\b|\bz kim rozmawiam\b|\bsen kim\b|\bkendin[iı] tan[iı]t|\bsen hangi\b",
    r"(?:^|\W)(?:ты|вы) (?:кто|что за|какая|какои)(?:\W|$)|(?:твое|ваше) имя|(?:^|\W)представься(?:\W|$)|с кем я (?:говорю|общаюсь)|(?:^|\W)(?:ти|ви) хто(?:\W|$)",
    r"\bqui (?:es[- ]tu|etes[- ]vous|(?:t'a|vous a) (?:\w+ ?){1,2})|\bcomment (?:t'appelles|vous appelez|tu t'appelles)|\b(?:ton|votre) nom\b",
    r"\bquel(?:le)? (?:\w+ )?(?:modele|version|entreprise|societe|ia)\b[^.?!\n]{0,30}\b(?:tu|vous|t'|es-tu)",
    r"\bwer (?:bist du|sind sie|hat (?:dich|sie) (?:\w+ ?){1,2})|\bwie hei(?:ss|ß)(?:t du|en sie)|\b(?:dein|ihr) name\b",
    r"\bwelche[srn]? (?:\w+ )?(?:modell|sprachmodell|version|firma|unternehmen|ki)\b[^.?!\n]{0,30}\b(?:du|sie|dich|dir)\b",
    r"\bquien (?:eres|es usted|te (?:\w+))|\bcomo te llamas|\bcual es tu nombre|\btu nombre\b",
    r"\bque (?:modelo|version|empresa|compania|ia)\b[^.?!\n]{0,30}\b(?:eres|te|tu)\b",
    r"\bquem (?:e voce|es tu|(?:te|o) (?:\w+)|\w+ voce)\b|\bcomo voce se chama|\bqua?l e o seu nome|\bseu nome\b",
    r"\bqua?l? (?:modelo|versao|empresa|ia)\b[^.?!\n]{0,30}\b(?:voce|te)\b",
    r"\bchi (?:sei|ti ha)\b|\bcome ti chiami|\bche (?:modello|ia|versione)\b[^.?!\n]{0,20}\bsei\b|\bquale (?:azienda|societa|modello)\b",
    r"\bwie (?:ben|bent) (?:je|jij|u)\b|\bhoe heet (?:je|jij|u)\b|\bwie heeft (?:je|jou|u) \w+|\bwelk(?:e)? (?:model|bedrijf)\b",
    r"\bkim jestes\b|\bjak (?:sie nazywasz|masz na imie)|\bkto (?:cie|ciebie) \w+|\bjaki(?:m)? (?:jestes )?model",
    r"(?:^|\W)кто (?:ты|вы)(?:\W|$)|как (?:тебя|вас) зовут|кто (?:тебя|вас) \w+|как(?:ая|ои|ой) (?:ты |вы )?(?:компани|модел|нейросет)|что ты за",
    r"(?:^|\W)хто (?:ти|ви)(?:\W|$)|як (?:тебе|вас) звати|хто (?:тебе|вас) \w+",
    r"\bkimsin(?:iz)?\b|\bad[iı]n(?:[iı]z)? ne\b|\bseni kim\b|\bhangi (?:model|sirket|yapay)",
    r"\bki vagy\b|\bki (?:keszitett|fejlesztett|alkotott|hozott letre|tanitott) (?:teged|ki teged)|\bmi a neved\b|\bhogy hivnak\b|\bmelyik (?:ceg|vallalat|modell)\b",
    r"\bvem (?:ar du|skapade dig|gjorde dig|utvecklade dig|tranade dig)\b|\bvad heter du\b|\bhvem (?:er du|laget deg|lavede dig|skabte dig|har (?:laget|lavet|skapt|skabt) (?:deg|dig))\b|\bhvad hedder du\b|\bhva heter du\b",
    r"\bkdo (?:jsi|jste|te (?:vytvoril|vyvinul)|vas (?:vytvoril|vyvinul))\b|\bjak se (?:jmenujes|jmenujete)\b|\bkuka (?:sina )?olet\b|\bkuka (?:teki|loi|kehitti) sinut\b|\bmika (?:on )?nimesi\b",
    r"\bcine (?:esti|sunteti|te-a (?:creat|facut))\b|\bcum te (?:cheama|numesti)\b|\bποιοσ (?:εισαι|σε (?:εφτιαξε|δημιουργησε|ανεπτυξε))|\bπωσ σε λενε\b",
    # South and South-East Asia, the Middle East
    r"\b(?:kamu|anda|kau|lu|elo) (?:ini |itu )?siapa\b|\bperkenalkan diri (?:kamu|anda|mu)|\bperkenalkan dirimu\b|\bini (?:ai|model) apa\b|\bapa nama (?:kamu|anda|model)|\bdengan siapa (?:saya|aku) (?:ber)?bicara",
    r"\bgioi thieu (?:ve )?ban than\b|अपना परिचय|तुम्हें किसने|আপনার পরিচয়|তোমার পরিচয়|นะนำตัว|عرف(?:ني)? (?:عن |ب)?نفسك|خودت(?: را|و) معرفی",
    r"\bsiapa(?:kah)? (?:kamu|anda|namamu|nama|yang (?:membuat|menciptakan|melatih|mengembangkan))|\b(?:kamu|anda) (?:adalah )?(?:model|ai) apa|\bperusahaan (?:apa|mana)",
    r"\bsino (?:ka|po kayo|ang (?:gumawa|lumikha|bumuo|nagsanay) sa (?:iyo|inyo))\b|\bano (?:po )?ang pangalan (?:mo|ninyo)\b|\bwewe ni nani\b|\bnani ali(?:kuunda|kutengeneza)\b|\bjina lako (?:ni )?nani\b",
    r"\bban la (?:ai|gi|mo hinh)\b|\bten (?:cua )?ban\b|\bai (?:da )?(?:tao|lam|phat trien) ra ban|\bcong ty nao\b",
    r"من (?:انت|أنت|هو مطورك)|ما اسمك|ما هو اسمك|من (?:الذي )?(?:طور|صنع|انشا|أنشأ|درب|ابتكر)|(?:اي|أي) (?:نموذج|شركه|شركة)",
    r"(?:तुम|आप|तू) कौन|(?:तुम्हारा|आपका|तेरा) नाम|(?:किसने|कौन सी कंपनी|किस कंपनी)|कौन सा मॉडल",
    r"(?:তুমি|আপনি) কে|(?:তোমার|আপনার) নাম|কে তোমাকে|কোন (?:মডেল|কোম্পানি)",
    r"(?:تو|شما) (?:کی|چه کسی|کدام)|(?:اسم|نام)(?:ت| تو| شما)|چه کسی (?:تو|شما) را",
    r"คุณ(?:คือ|เป็น)(?:ใคร|อะไร|โมเดล)|คุณชื่อ|ชื่อของคุณ|ใคร(?:สร้าง|พัฒนา|เป็นคนสร้าง)",
)
_ASKS = re.compile("|".join(_WORDINGS))
_NAMED = re.compile(
    r"\b(?:are|r|were) (?:you|u) (?:really |actually |secretly |not )?"
    r"(?!as\b|like\b|better\b|smarter\b|able\b|familiar\b|aware\b|going\b|using\b|similar\b|affiliated\b)\S"
    r"|你(?:是|就是)|あなたは|\b(?:tu es|etes[- ]vous|bist du|sind sie|eres|voce e|sei)\b|(?:^|\W)(?:ты|вы)\W"
)
"""Words after which a maker's name makes a question about the model: "are you …?"."""
_TASK = re.compile(
    r"\b(?:write|translate|story|poem|essay|dialogue|script|pretend|imagine|role-?play|act as|summari[sz]e|"
    r"rewrite|paraphrase|correct|complete the|character|lyrics|novel|interview question)\b|翻译|扮演|写一|作文|翻訳|번역"
)
"""Words of a task in which such a question is only material."""


@lru_cache(maxsize=8192)
def asks_who(prompt: str) -> bool:
    """Whether a prompt asks the model itself who it is or who made it. Deterministic; reads at most
    400 characters, and no more where the prompt is longer.

    >>> [asks_who(p) for p in ("what model are you?", "你是谁？", "Who are you talking about?")]
    [True, True, False]
    """
    return _short(prompt) and bool(_ASKS.search(fold(prompt).text.casefold())) and not _task(prompt)


_PLAY = re.compile(
    r"\b(?:pretend|imagine (?:you|that you|being)|role-?play|act as|act like|as if you were|in the (?:voice|style|role) of|"
    r"(?:a|an|the|short|my|from) (?:character|persona|story|tale|novel|dialogue|dialog|monologue|screenplay|scene|poem|lyrics|speech|diary|letter|biography|"
    r"cover letter)|you are (?:now )?(?:an?|the) (?!ai\b|assistant\b|language\b|model\b|chatbot\b|large\b|helpful\b))"
    r"|扮演|假装|小说|故事|对话|ロールプレイ|物語|演じ|역할극|이야기"
)
"""Words of a task in whose answer somebody else speaks in the first person."""


@lru_cache(maxsize=8192)
def asks_to_play(prompt: str) -> bool:
    """Whether a prompt asks for a text in which somebody else says "I". Deterministic; linear.

    >>> asks_to_play("Pretend to be a pirate and say hello."), asks_to_play("Say hello.")
    (True, False)
    """
    return bool(_PLAY.search(prompt[:LONGEST_TASK].casefold()))


_COMPARED_BEFORE = re.compile(
    r"(?:\bas \w+(?: \w+){0,2} as|\b(?:(?<!other )(?<!else )(?<!rather )(?<!nothing more )(?<!nothing less )(?<!no more )than|unlike|versus|vs\.?|compared?(?: yourself| you)? (?:to|with)|are you (?:\w+ )?like|similar to|the same as"
    r"|differ(?:s|ent)? from|between you(?:rself)? and|you(?:rself)? (?:and|or|vs\.?|versus)|rivals? (?:of|to)|competitors? (?:of|to)|compete with)"
    r"|\b(?:besser|schlechter|kluger|schneller|anders) als|\bso \w+ wie|\bzwischen (?:dir|ihnen) und|\bvergl(?:eich|ichen) (?:zu|mit)"
    r"|\b(?:plus|moins|aussi) \w+ que|\b(?:meilleure?|mieux|pire) que|\bpar rapport a|\bentre (?:toi|vous|ti|voce|tu) (?:et|y|e)"
    r"|\b(?:mas|mais|menos|tan|tao) \w+ (?:que|como)|\b(?:mejor|peor|melhor|pior) (?:do )?que|\b(?:meglio|peggio|piu \w+) di"
    r"|(?:^|\W)(?:лучше|хуже|умнее)\W+чем|\bмежду тобой и)"
    r" (?:the |der |le |la |el |o |a )?$|[你您](?:比|跟|和|与|與|不如)$"
)
_COMPARED_AFTER = re.compile(
    r"^[^.?!\n]{0,40}\bthan (?:you|yours)\b|^ (?:and|or|vs\.?|versus) you\b(?! are\b|'re\b)|^(?:より|と比べ|보다)"
)
"""Words about a name that set it beside the model, and say of neither that it is the other."""


def compares(before: str, after: str) -> bool:
    """Whether a name between these words of a prompt, folded and in small letters, is only compared
    with the model. Deterministic; linear.

    >>> compares("are you as capable as ", "?"), compares("are you really ", "?")
    (True, False)
    """
    near = before[-_COMPARED_REACH:]
    return bool(_COMPARED_BEFORE.search(near) or _COMPARED_AFTER.match(after[:_COMPARED_REACH]))


_COMPARED_REACH = 80
"""Characters; a comparison's words stand closer to the name."""


@lru_cache(maxsize=8192)
def asks_whether(prompt: str) -> bool:
    """Whether a prompt asks or tells the model that it is somebody; a name in it is the asker's."""
    return (
        _short(prompt) and bool(_NAMED.search(fold(prompt).text.casefold())) and not _task(prompt)
    )


def _short(prompt: str) -> bool:
    return 0 < len(prompt) <= LONGEST_QUESTION


def _task(prompt: str) -> bool:
    return bool(_TASK.search(prompt.casefold()))
