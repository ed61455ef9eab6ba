"""The wordings by which a text speaks of itself, in the first eleven languages: cues, negations, hedges, comparisons.

Knows phrases only, all of them our own; every pattern is free of nested unbounded repetition. Languages: English, Chinese,
Arabic, French, German, Spanish, Russian, Japanese, Hindi, Portuguese, Korean; a reply in another language is mostly unread.
"""

# ruff: noqa: E501  (a table of names or phrases is read and compared by the line)

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from detectors.text.vendors import folded_pattern as _pattern

Kind = Literal["name", "maker", "trainer", "policy", "base"]


@dataclass(frozen=True)
class Cue:
    """A wording that ties a name to a speaker: ``before`` stands left of the name, at most ``reach`` characters away,
    ``after`` follows it directly.

    ``person`` says that the wording itself is about the speaker; ``strict`` forbids prepositions in between.
    """

    kind: Kind
    before: re.Pattern[str] | None = None
    after: re.Pattern[str] | None = None
    reach: int = 45
    person: bool = False
    strict: bool = False


_MADE_EN = (
    "(?:created|developed|made|built|designed|produced|owned|released|published|programmed|engineered|provided|operated|maintained"
    "|hosted|distributed|licen[sc]ed|invented|launched|announced|offered|deployed|crafted|constructed|controlled|managed|written"
    "|authored|backed|served|trained|pre-?trained|fine-?tuned|taught|held|brought to you|raised|introduced|run)"
)
_DOES_EN = "(?:created?|trained?|developed?|develops|made|make|built|build|designed?|owns?|operates?|programmed|released?|maintains|provides|hosts|taught)"
_VERB_ZH = "(?:开发|開發|研发|研發|训练|訓練|创建|創建|创造|推出|打造|制作|设计|发布|提供|构建|拥有|研制|制造|所有|创立|开源)"
_VERB_DE = "(?:entwickel|trainier|erstell|erschaff|geschaff|gebaut|programmier|gemacht|entworf|bereitgestellt|konzipier|veroffentlich|betrieben)"
_VERB_JA = "(?:開発|作成|訓練|トレーニング|学習|作られ|作っ|作り|生み出|設計|提供|運営|所有|制作|製作|公開|構築|創)"
_VERB_KO = "(?:개발|만든|만들|훈련|학습|제작|설계|제공|운영|소유|출시)"
_VERB_HI = "(?:विकसित|बनाया|बनाई|बनाये|बनाए|प्रशिक्षित|निर्मित|निर्माण|तैयार|डिज़ाइन|डिजाइन|विकास|ट्रेन)"
_COPULA_JA = (
    "^[^。、,]{0,30}?(?:です|だ|と申|と呼|である|といい|ではありません|ではな|じゃな|でした)"
)
_COPULA_KO = "^[^.,]{0,30}?(?:입니다|이에요|예요|라고|이며|이고|아닙니다|아니|합니다|불러)"
_COPULA_HI = "^[^।,]{0,40}?(?:हूँ|हूं|हुँ|है)"

CUES: tuple[Cue, ...] = (
    # What I am, what I'm called.
    Cue(
        "name",
        before=_pattern(
            r"\b(?:i'm|i am|im(?= )|i was|i've been)\b(?! (?:trained|created|made|developed|built|designed|based|aware|familiar))",
            r"\bi (?:might|may|could|must|would) be\b",
            r"\bmy (?:\w+ )?name(?:'s| is|,)(?: not)?",
            r"\b(?:call me|i go by|i represent|i identify as|address me as|refer to me as)\b",
            r"\bje (?:ne )?suis\b|\bje m'appelle|\bmon nom (?:complet )?est|\bm'appeler\b|\bon m'appelle",
            r"\bich bin\b|\bbin ich\b|\bich hei(?:ß|ss)e|\bmein name (?:ist|lautet)|\bnenn\w* (?:mich|man mich)",
            r"\b(?:no )?soy\b|\b(?:no )?me llamo|\bmi nombre (?:no )?es|\bllamarme|\bme llaman",
            r"\b(?:não )?sou\b|\bme chamo|\bchamo-me|\bmeu nome (?:não )?é|\bme chamar de|\bpode me chamar",
            r"\bменя зовут|\bмоё имя\b|\bменя называют|\bназывай(?:те)? меня|\bя называюсь|\bмоё название",
            r"我(?:其实|只|也|并|当然|可能|或许|的确|确实|就|真的)?(?:不|非|并非)?(?:是|叫|名叫)(?:做|作|由)?|我的(?:名字|名称|全名|模型名|身份)(?:是|叫|为)|称(?:呼)?我为|叫我",
            r"\bاسمي\b(?: هو)?|\bأدعى\b|\bمناداتي\b|\bلست\b",
        ),
        reach=32,
        person=True,
        strict=True,
    ),
    Cue("name", before=_pattern(r"\b(?:أنا|إنني|إني)\b(?: (?:لست|نموذج|مساعد|روبوت|برنامج|اللغوي|لغوي|كبير|هو|الذكاء|ذكي))*"), reach=3, person=True),
    Cue(
        "name",
        before=_pattern(
            r"\bя(?: (?:не|это|большая|языковая|модель|чат-бот|ассистент|виртуальный|нейросеть|нейросетевая|ии|помощник|голосовой|умный"
            r"|нейронная|сеть|по имени|бот|—|–|-))*"
        ),
        reach=3,
        person=True,
    ),
    Cue("name", before=_pattern(r"(?:私|わたし|僕|ぼく)(?:の名前|の名称)?(?:は|が)|名前は|名称は"), after=_pattern(_COPULA_JA), reach=24, person=True),
    Cue("name", before=_pattern(r"(?:저는|나는|저의 이름은|제 이름은|(?<!의 )이름은|난 )"), after=_pattern(_COPULA_KO), reach=24, person=True),
    Cue("name", before=_pattern(r"(?:मैं|मेरा (?:पूरा )?नाम|मेरे नाम)"), after=_pattern(_COPULA_HI), reach=24, person=True),
    Cue("name", before=_pattern(r"\bas(?: an?| the)?\b|\ben tant que?\b|作为"), after=_pattern(r"^[^,.。，]{0,30}?, ?(?:(?:i|i'm|i've|my|je)\b|j'|我)"), reach=2, person=True),
    Cue(
        "name",
        before=_pattern(
            r"\b(?:called|named|known as|nicknamed|referred to as|name is|this is|connu sous le nom de|appelee?|nommee?|namens|genannt|bekannt als"
            r"|llamad[oa]|conocid[oa] como|chamad[oa]|conhecid[oa] como|под названием|по имени|называется|имя|إسمه|يسمى|يدعى|المعروف باسم)\b",
            r"(?:名为|名叫|叫做|叫作|称为|名字是|名称是)|नामक",
        ),
        reach=14,
    ),
    # Who made or trained me.
    Cue(
        "maker",
        before=_pattern(
            rf"\b{_MADE_EN},?(?: \w+)?(?:(?:,| and| or)+ \w+){{0,3}} by\b",
            r"\b(?:model|assistant|chatbot|ai|bot|product|system|llm|program|come|comes|came|originated?|intelligence|creation|project|service|member"
            r"|work|property|subsidiary|representative|child|brainchild|chatbots)s?,? (?:from|by|of)\b",
            r"\b(?:team|teams|researchers|engineers|developers|scientists|people|group|experts|company|creators|staff|employees|work|lab)\b"
            r"[^.,;]{0,12}? (?:at|from|of|in|behind|for)\b",
            r"\b(?:affiliated|associated|connected|collaboration|partnership|affiliation|connection|association|relationship|ties) (?:with|to)\b|\bbelongs? to\b",
            r"\b(?:creators?|developers?|makers?|owners?|company|companies|organi[sz]ation|team|manufacturer|provider|authors?|copyright|parent|licen[sc]e"
            r"|trainers?|(?:created|trained|made|built|developed|owns|behind) me)\b[^.,;?]{0,30}?\b(?:is|are|was|were|be|belongs to)\b(?: not)?(?: called| named)?",
            r"\b(?:contact|write to|reach out to|complain to|dear|addressed to|hello|hi),?(?: the)?(?= )",
            r"\bthanks to\b|\b(?:my|our) (?:\w+ )?(?:developers?|creators?|makers?|trainers?|owners?|manufacturer|company)(?:,|:)?(?= )",
            r"\b(?:mon|mes) (?:créateurs?|développeurs?)(?:,|:)?(?= )|\bmein\w* (?:entwickler|schöpfer)(?:,|:)?(?= )|\bmis? (?:creador\w*|desarrollador\w*)(?:,|:)?(?= )",
            r"\b(?:but|rather|instead|sondern|sino|mais|mas) (?:\w+ )?(?:by|from|of|von|durch|por|par|de|pela|pelo)\b",
        ),
    ),
    Cue("maker", after=_pattern(rf"^(?:,? (?:who|which|that|has|have|is the (?:one|company|team) (?:who|that|which)))? ?(?:(?:also|originally|actually) )?(?:(?:did not|didn't|does not|doesn't|has not|hasn't|never|not) )?{_DOES_EN}(?: and \w+)? (?:me|us)\b"), person=True),
    Cue("maker", after=_pattern(r"^(?: ai)?(?:,? (?:inc\.?|llc))? (?:is|was|are|isn't|is not|was not)(?: also)? (?:my|our) (?:\w+ )?(?:creator|developer|maker|owner|parent|company|trainer)"), person=True),
    Cue("maker", after=_pattern(r"^ (?:is|was|are|is not|isn't) the (?:\w+ )?(?:company|organi[sz]ation|team|one|developer|creator|entity)s? (?:that|who|behind|which|of)\b[^.,;]{0,30}\bme\b|^[^.;]{0,40}?\bthe ones? (?:who|that) \w+ me\b"), person=True),
    Cue("maker", after=_pattern(r"^(?: qui)?(?: ne)? m'(?:a|ont)(?: pas)? (?:cree|developpe|entraine|concu|construit|fabrique|programme)"), person=True),
    Cue("maker", after=_pattern(rf"^(?:, (?:das|die|der))? (?:(?:hat|haben) mich|mich(?: hat| haben)?)(?: \w+){{0,2}} \w*{_VERB_DE}"), person=True),
    Cue("maker", after=_pattern(r"^(?:,? (?:que|quien|la que|quem))?(?: no| não)? me (?:cre|cri|desarroll|desenvolv|entren|trein|hizo|hicieron|diseñ|constru|fez)"), person=True),
    Cue("maker", after=_pattern(r"^(?: \w+)?(?: не)? (?:созда|разработа|обучи|сдела|натренирова)\w* меня\b|^,? котор\w+ меня|^ меня (?:не )?(?:созда|разработа|обучи)"), person=True),
    Cue("maker", after=_pattern(r"^.{0,20}?\b(?:طورتني|طوّرتني|دربتني|أنشأتني|صنعتني|صممتني|طورني|دربني|صنعني|أنشأني)\b"), person=True),
    Cue(
        "maker",
        before=_pattern(
            r"\b(?:créée?s?|développée?s?|conçue?s?|entraînée?s?|fabriquée?s?|construite?s?|proposée?s?|produite?s?|fournie?s?|mise? au point|programmée?s?"
            r"|élaborée?s?|réalisée?s?|publiée?s?|lancée?s?|formée?s?)(?: et \w+)? (?:par|chez)\b",
            r"\b(?:créateurs?|développeurs?|entreprise|société|propriétaire|organisation|concepteurs?)\b[^.,;]{0,40}?\b(?:est|sont|s'appelle|:)",
            r"\b(?:équipe|modèle|assistant|produit|chercheurs|ingénieurs)\b[^.,;]{0,20}? (?:de chez|d'|de la société|de|chez)(?= ?)",
            r"\bappart(?:iens|ient) à",
        ),
    ),
    Cue(
        "maker",
        before=_pattern(
            rf"\b\w*{_VERB_DE}\w*(?: und \w+)? (?:von|durch|bei)\b",
            r"\b(?:entwickler|schöpfer|hersteller|firma|unternehmen|eigentümer|organisation)(?:in|s)?\b[^.,;]{0,30}?\b(?:ist|sind|heißt|heisst|:)",
            r"\b(?:modell|sprachmodell|assistent|produkt|team|forscher\w*|bot|ki) (?:von|bei|der)\b|\bgehöre (?:zu|der)?",
        ),
    ),
    Cue("maker", before=_pattern(r"\b(?:von|durch|bei|vom)\b"), after=_pattern(rf"^[^.;]{{0,40}}?{_VERB_DE}"), reach=40),
    Cue(
        "maker",
        before=_pattern(
            r"\b(?:cread|desarrollad|entrenad|hech|diseñad|construid|programad|fabricad|lanzad|proporcionad|producid|propiedad|publicad)\w*(?:,| y \w+){0,2} (?:por|de|en)\b",
            r"\bme (?:creó|desarrolló|entrenó|hizo|diseñó|construyó|crearon|desarrollaron|entrenaron|programó|creo|criou|desenvolveu|treinou|fez|criaram|desenvolveram)\b",
            r"\b(?:criad|desenvolvid|treinad|feit|projetad|construíd|programad|produzid|lançad|fornecid|mantid)\w*(?:,| e \w+){0,2} (?:pel[ao]s?|por|na|no)\b",
            r"\b(?:creador\w*|desarrollador\w*|empresa|compañía|dueñ[oa]|organización|criador\w*|desenvolvedor\w*|organização|proprietári[oa])\b[^.,;]{0,30}?\b(?:es|son|é|são|se llama|se chama|:)(?= )",
            r"\b(?:modelo|asistente|assistente|producto|produto|equipo|equipe|pertenezco|pertenço)\b[^.,;]{0,20}? (?:de|da|do|a|à|ao)\b",
        ),
    ),
    Cue(
        "maker",
        before=_pattern(
            r"\b(?:создан|разработан|обучен|сделан|построен|выпущен|натренирован|спроектирован|предоставлен)\w*\b",
            r"\b(?:меня|мною|мной) (?:не )?(?:созда|разработа|обучи|сдела|натренирова|тренирова)\w*",
            r"\b(?:разработчик|создател|владел|компани|организаци)\w*[^.,;]{0,20}?(?:[—–-]|является|это|:|называется|был\w*)",
            r"\b(?:модель|модели|ассистент|помощник|нейросеть|продукт|бот|ии|команд\w+|разработка)\b[^.,;]{0,12}? (?:от|из|компании)\b|\bпринадлежу\b",
        ),
    ),
    Cue("maker", before=_pattern(r"(?:由|被|来自于?|属于|出自|归属于|隶属于)"), reach=16),
    Cue("maker", before=_pattern(r"^|由|被|是|受|经|来自|为"), after=_pattern(rf"^[^，。,;了]{{0,12}}?{_VERB_ZH}"), reach=14),
    Cue("maker", after=_pattern(rf"^[^，。,;]{{0,6}}?{_VERB_ZH}了?(?:了我|的我|出了?我)"), person=True),
    Cue("maker", before=_pattern(r"(?:开发者|开发商|开发方|开发公司|创造者|创建者|所有者|公司|团队|母公司|研发方|训练者|开发我的|训练我的|背后的)[^，。,;]{0,10}?(?:是|为|叫)|联系|写信给|(?:开发|研发|训练|创建|制作)(?:自|于)"), reach=16),
    Cue(
        "maker",
        before=_pattern(
            r"\b(?:من تطوير|من قبل|بواسطة|طورته|طورتها|طورتني|دربتني|درّبته|دربته|أنشأته|أنشأتني|صنعتني|صممتني|من إنشاء|من صنع|من شركة|من إنتاج|من ابتكار|من تصميم|تابع ل"
            r"|تابعة ل|على يد|أنتجته|مطوري هو|مطوري هي|الشركة المطورة|من طرف|من تدريب|أطورت|ينتمي إلى|يتبع|طورني|دربني|صنعني)",
        ),
        reach=30,
    ),
    Cue("maker", before=_pattern(r"(?:開発元|開発者|開発会社|開発企業|製作者|作成者|運営元|提供元|会社|企業|所有者|(?:作った|訓練した|開発した|作成した)の)(?:は|が|:|、)+"), reach=16),
    Cue("maker", after=_pattern(rf"^[^。、,]{{0,8}}?(?:が|に|による|によって|により|の|から|社|で)[^。、,]{{0,12}}?{_VERB_JA}")),
    Cue("maker", before=_pattern(r"(?:개발사|개발자|개발한 회사|만든 회사|만든 곳|만든 것|회사|소유한 회사|학습시킨 곳)(?:는|은|이|가)"), reach=16),
    Cue("maker", after=_pattern(rf"^[^.,]{{0,8}}?(?:에서|가|이|에 의해|의|사가|팀이|으로부터)[^.,]{{0,16}}?{_VERB_KO}")),
    Cue("maker", after=_pattern(rf"^[^।,]{{0,20}}?(?:ने|द्वारा|की|का|के)[^।,]{{0,36}}?{_VERB_HI}")),
    Cue("maker", before=_pattern(r"(?:निर्माता|डेवलपर|विकासकर्ता|कंपनी का नाम|मालिक)"), after=_pattern(_COPULA_HI), reach=24),
    # Whose rules I follow, what I'm built on.
    Cue("policy", after=_pattern(r"^(?:'s|s'|')? (?:\w+ ){0,3}?(?:polic(?:y|ies)|guidelines?|terms(?! of (?!service|use))|rules|principles|content policy|code of conduct)\b")),
    Cue(
        "policy",
        before=_pattern(
            r"\b(?:politiques?|règles|conditions|directives)\b[^.,;]{0,25}?(?: d'| de | de la )|\b(?:richtlinien|regeln|nutzungsbedingungen|nutzungsrichtlinien) (?:von|der)\b",
            r"\b(?:políticas?|reglas|regras|normas|términos|termos|directrices|diretrizes)\b[^.,;]{0,25}? (?:de|da|do)\b",
            r"\b(?:политик|правил|услови)\w*[^.,;]{0,24}?(?= )|(?:سياس|شروط|إرشادات)\w*",
            r"\b(?:polic(?:y|ies)|guidelines|terms of (?:service|use)|rules)\b[^.,;]{0,25}? (?:of|by|from)\b",
        ),
        reach=24,
    ),
    Cue("policy", after=_pattern(r"^(?:公司)?的?[^，。,]{0,8}?(?:政策|规定|准则|条款|规范)|^の[^。、]{0,8}?(?:ポリシー|規約|ガイドライン)|^의[^.,]{0,10}?(?:정책|약관|가이드라인)|^ की[^।,]{0,14}?(?:नीति|शर्त)")),
    Cue(
        "base",
        before=_pattern(
            r"\b(?:based (?:up)?on|built (?:up)?on|derived from|fine-?tuned (?:from|on|version of)|(?:version|variant|instance|iteration|successor|family|part|derivative) (?:of|to)"
            r"|powered by|run(?:ning)? on|on top of|predecessor (?:is|was)|previous (?:model|version)[^.,;]{0,30}? (?:is|was))(?: called)?\b",
            r"\b(?:basiere|basiert|baue|aufbauend|basierend)\b[^.,;]{0,10}? auf\b|\b(?:basad|basead)[oa]s? (?:en|em|na|no)\b|\bbasée? sur\b|\brepose sur\b",
            r"\b(?:основан\w*|базируюсь|построен\w*) на\b|\bна (?:базе|основе)\b|(?:基于|(?<!可)(?<!所)以)|\b(?:مبني على|يعتمد على|قائم على|مبنية على)",
        ),
    ),
    Cue(
        "base",
        before=_pattern(
            r"\bmy (?:underlying|backend|back-end|backbone) (?:\w+ ){0,2}?(?:model|llm|engine|backend)(?:'s| is| was| comes| came)(?: (?:now|currently|from|by|an?|the|version|model|of|made|developed|provided|created)){0,4}\b",
        ),
        reach=12,
    ),
    Cue("base", after=_pattern(r"^ ?(?:架构|为基础)|^[^。、]{0,6}?(?:をベース|に基づ|アーキテクチャ)|^[^.,]{0,6}?(?:기반|바탕)|^[^।,]{0,14}?(?:पर आधारित|आर्किटेक्चर)|^(?:-| )(?:based|powered)\b(?! (?:up)?on\b)|^ architecture\b")),
)  # fmt: skip

FIELD = _pattern(
    r"(?:^|[\s\"'\-(\[{,|#])(?:developers?|developed[ _]by|model(?:[ _]name)?|name|full name|authors?|organi[sz]ation|company|owner|creators?|maker|provider|publisher"
    r"|built by|created[ _]by|made by|trained by|vendor|team|family|manufacturer|institution|entwickler|modell|firma|unternehmen|auteur|modèle|nom|entreprise|développeur"
    r"|autor|modelo|nombre|empresa|organización|desarrollador|desenvolvedor|desenvolvido por|nome|organização|разработчик|модель|имя|название|компания|автор|организация"
    r"|أنا نموذج لغوي كبير من تطوير|المطور|النموذج|الاسم|الشركة|المؤلف)[\"')\]]*\s?[:=|]\s?[\"'(\[_]*",
    r"(?:开发者|开发商|开发公司|开发方|名称|模型|作者|公司|姓名|名字|组织|机构|开発者|開発者|開発元|名前|モデル(?:名)?|組織|会社|작성자|개발자|개발사|이름|모델(?:명)?|회사|डेवलपर|मॉडल|नाम|कंपनी|लेखक)\s?[\"')\]]*[:=|]\s?[\"'(\[_]*",
)

FIRST = _pattern(
    r"\b(?:i|i'm|i've|i'd|i'll|me|my|myself|mine|we're|we are|our (?:team|company|model|developers?|creators?|makers?))\b",
    r"\b(?:je|moi|mon|ma|mes)\b|\b[jm]'",
    r"\b(?:ich|mich|mein\w{0,2}|mir)\b",
    r"\b(?:yo|soy|fui|he sido|estoy|mi|mis|pertenezco|eu|sou|meu|minha|meus|estou|pertenço)\b",
    r"\b(?:я|меня|мне|мной|мною|мой|моя|моё|мои|моего|моей|моим)\b",
    r"我|本模型|本助手|本人|吾",
    r"私|わたし|僕|ぼく",
    r"(?:^|\s|\")(?:저|제|나|내|난|날)(?:는|를|의|가|도|에게|희)?(?=\s)",
    r"मैं|मुझे|मेरा|मेरे|मेरी|मुझको|हूँ|हूं",
    r"\b(?:أنا|اسمي|لست|إنني|تطويري|تدريبي|إنشائي|تصميمي|برمجتي|مطوري|صنعي|بي)\b|\b\w+تني\b|\bطورني|\bدربني",
)

AS_OPENER = _pattern(
    r"(?:^|\W)(?:as an?|being an?|en tant que?|als|como|будучи|как|as the) |作为|身为|بصفتي|كنموذج|के रूप में|として|로서"
)
"""Opens a phrase about the speaker, who is named only later ("As an AI made by …, I …")."""

SELF_NOUN = _pattern(
    r"\b(?:model|assistant|chatbot|ai|bot|llm|modèle|modell|sprachmodell|assistent|modelo|asistente|assistente|модель|ассистент|помощник|ии|язык\w*)\b",
    r"模型|助手|人工智能|言語モデル|モデル|アシスタント|모델|비서|어시스턴트|मॉडल|सहायक|نموذج|مساعد",
)

THIRD = _pattern(
    r"\b(?:he|she|they|it|its|users?|people|others|(?:other|some|many|most) (?:models|assistants|systems|chatbots)|il|elle|er|sie|él|ella|ele|ela|он|она|они|它|他)\b|他们|彼ら",
    r"\b(?:هو|هي) (?:نموذج|روبوت)",
)

NEGATION = _pattern(
    r"\b(?:not(?! (?:only|just|merely|simply))|never|neither|nor|cannot)\b|n't\b|\bno (?:affiliation|connection|relation|ties|link|association|longer)|\bnon-",
    r"\bne\b[^.,;]{0,24}?\b(?:pas|jamais|aucun\w*)\b|\bn'[^.,;]{0,24}?\b(?:pas|jamais|aucun\w*)\b|\bpas\b|\bni\b",
    r"\b(?:am|i'm|im) (?:\w+ly )?(?:no(?! (?:one|other|less|stranger))|hardly|scarcely|barely|far from|by no means|nowhere near|in no way)\b",
    r"\b(?:tout sauf|loin d'être|todo menos|lejos de ser|tudo menos|longe de ser)\b",
    r"\b(?:nicht(?! nur)|kein\w{0,2}|weder|niemals|nie|kaum|keineswegs|mitnichten)\b",
    r"\b(?:no (?!solo)|nunca|tampoco|não(?! só\b| apenas)|nem|jamais)\b|^no ",
    r"\b(?:не(?! только)|ни|нет)\b",
    r"不是|并非|不叫|没有|未被|不属于|非(?=由)|并不|不由|(?<![别类])不(?=来自|受)|而非|而不是|与.{0,8}无关",
    r"\b(?:لست|ليس|ليست|لم|غير تابع|لا)\b",
    r"(?<!सिर्फ )नहीं|\bन कि\b",
    r"ではなく|ではありません|ではない",
)

RIGHT_NEGATION = _pattern(
    r"^[^。、,.]{0,24}?(?:では(?:あり|な)|じゃ(?:あり|な)|されてい?ません|れたものでは|していません|(?:関係|関連)(?:は|が)?(?:あり|な))",
    r"^[^.,。]{0,24}?(?:아니[라고며에]|아닙니다|아닌|지 않|관련이 없|관계가 없)",
    r"^[^।,.]{0,40}?(?:नहीं|से (?:कोई )?संबंध)",
    r"^(?:\s\w+)? nicht (?:\w+ )?\w*" + _VERB_DE,
    r"^(?:并|也)?(?:没有|未|不是|无关)",
)
RIGHT_STOP = _pattern(r"हूँ|हूं|और|लेकिन|बल्कि|이며|이고|지만|であり|ですが|で、|,|。|।|;")

HEDGE = _pattern(
    r"(?<!you )\b(?:might|may|could)\b|\b(?:perhaps|maybe|possibl[ey]|probably|presumably|likely|unsure|uncertain|whether|think|believe|guess|assume|suspect|seems?|appears?)\b",
    r"\bnot (?:entirely |completely |quite |really )?(?:sure|certain)|\b(?:do not|don't) know|(?:cannot|can't|unable to) (?:confirm|say|tell|verify|disclose|share)",
    r"\b(?:peut-être|pourrais?|ne sais pas|si je suis|je pense|je crois|probablement|il est possible)\b",
    r"\b(?:vielleicht|möglicherweise|könnte|weiß nicht|weiss nicht|ob ich|glaube|vermutlich|wahrscheinlich|nicht sicher)\b",
    r"\b(?:quizás?|tal vez|podría|no sé|si soy|(?<!me )creo que|posiblemente|probablemente|talvez|poderia|não sei|se sou|acho|acredito|provavelmente|não tenho certeza|no estoy segur[oa])\b",
    r"\b(?:возможно|может быть|не знаю|не уверен\w*|вероятно|наверное|кажется|думаю|полагаю)\b",
    r"可能|也许|或许|不确定|不知道|大概|应该是|是否|无法确认|不清楚|说不定|我想|我觉得|好像",
    r"\b(?:ربما|قد أكون|لا أعرف|لا أعلم|لست متأكد\w*|أعتقد|أظن|يحتمل|من المحتمل|من الممكن)\b",
    r"शायद|हो सकत|पता नहीं|नहीं जानत|मुझे लगता|संभवत|सम्भवत",
    r"おそらく|たぶん|もしかし|わかりません|分かりません",
    r"아마|모르겠|확실하지|어쩌면",
)
RIGHT_HEDGE = _pattern(
    r"^,? (?:i think|i guess|i believe|perhaps|maybe|probably|possibly)\b|^[^。.।]{0,40}?(?:かもしれ|かどうか|と思い|だと思|일지도|일 수도|것 같|지 모르|हो सकत|か分か|かわか)"
    r"|^[^.]{0,24}?(?:는지|인지|은지)[^.]{0,8}?(?:모르|확실|알 수 없)"
)

COMPARISON = _pattern(
    r"\b(?:differ\w*|similar|same|other|another)(?: [\w-]+){0,5} (?:from|than|to|as)\b|\bas \w+(?: \w+){0,3} (?<!known )(?<!me )as\b|\bsame(?: \w+){0,4} as\b",
    r"\b(?:unlike|like|similar|compared?|than|different|differs?|differ|such as|e\.g\.|versus|vs\.?|inspired|compete\w*|rival\w*|alternatives?|opposed|resembl\w*|including|instead of|rather than)\b",
    r"\b(?:comme|contrairement|similaire|différent\w*|semblable|tel(?:s|les?)? que|wie|ähnlich\w*|anders|gegensatz|unterschied|vergleich\w*|als(?! ki| ein))\b",
    r"\b(?:como|diferencia|similar(?:es)?|parecid[oa]|diferentes?|semelhante|diferença|ao contrário)\b|\bбольше,? чем\b|\b(?:как|отличие|похож\w*|подобн\w*|вроде|отличаюсь)\b",
    r"像|类似|相比|不同于|和|与|比|跟|例如|比如|\b(?:مثل|عكس|خلاف|بخلاف|مشابه|يشبه|مقارنة)\b|तुलना|जैसे|विपरीत",
)
RIGHT_COMPARISON = _pattern(
    r"\b(?:differ\w*|similar|same|other|another)(?: [\w-]+){0,5} (?:from|than|to|as)\b|\bas \w+(?: \w+){0,3} (?<!known )(?<!me )as\b|\bsame(?: \w+){0,4} as\b",
    r"^(?:-like|-style|-compatible| compatible|-type)\b|^(?:や[^。]{0,12})?(?:のよう|とは(?:違|異|別)|と(?:違|異|同じ|比べ|似)|に似)|^(?:와|과)? ?(?:달리|같은|비슷|다른|다르|처럼)"
    r"|^ ?(?:जैस|की तरह|के समान|से अलग|के विपरीत|की तुलना)|^(?:等)?(?:不同|一样|类似|相似|那样)",
)
UNRELATED = _pattern(
    r"^ ?(?:के बारे|के साथ बात|से बात|について|に関|에 대해|에 관|公司的产品经理)|^'s (?:data|documentation|search)"
)

ROLE_PLAY = _pattern(
    r"\b(?:pretend\w*|imagine|suppose|role-?play\w*|act(?:ing)? as|playing|in character|in the story|if i were|as if i|hypothetical\w*|fictional)\b",
    r"\b(?:imagin(?:e|ons|ez|emos|a|ar)|faisons semblant|supposons|fingi\w*|finja|finge|stell dir vor|tu so als|angenommen|nehmen wir an|rollenspiel|supongamos|suponha|si yo fuera|se eu fosse)\b",
    r"\b(?:immagin\w+|stel je voor|doe alsof|wyobra(?:ź|zmy|źmy)\w*|załóżmy|diyelim|farz ed\w*|hayal ed\w*|bayangkan|misalkan|andaikan|tưởng tượng|giả sử|уявімо|уявіть|уяви|припустімо|представим)\b|تصور کن|فرض کن|ধরুন|ধরা যাক|কল্পনা কর|ลองนึก|สมมติ",
    r"\b(?:представь\w*|предположим|притвор\w*|допустим|если бы)\b|假设|假装|扮演|如果我是|想象|\b(?:تخيل|لنفترض|تظاهر|لو كنت)\b|कल्पना|मान ल|ふりを|仮に|もし私が|想像|가정|척하|만약 (?:제|내)가|상상",
)
NOT_PLAYED = _pattern(
    r"(?:not|n't|stop|never|without|no longer|不再|不|没有|停止|nicht|pas|no|não|не|keine)[^.]{0,14}$"
)

REPORTED = _pattern(
    r"\b(?:sa(?:id|ys|y)|repl(?:ied|ies|y)|answer(?:ed|s)?|respond(?:ed|s)?|wrote|writes|claims?|claimed|asked|asks|states?|example|phrase|quote|users?|output|quoting)\b[^.\"]{0,30}\"",
    r"\b(?:a dit|dit|répond\w*|sagte|sagt|antwortet\w*|schrieb|dijo|dice|respondió|disse|diz|respondeu|сказал\w*|говорит|ответил\w*|пишет|قال|يقول|أجاب)\b[^.\"]{0,30}\"",
    r"(?:说|問|问|回答|写道|例如)(?:道|了)?[:,]?\s?[\"「]|(?:言|答え|述べ)[^。]{0,8}「|(?:कहा|कहता)[^।]{0,12}\"",
)

RESET = _pattern(
    r"[;:]|\b(?:but|yet|however|instead|because|since|as an?|although|though|while|mais|sondern|aber|sino|pero|mas|porém|а|но|однако|зато)\b",
    r"而是|但是|但|而(?![是不非])|不过|बल्कि|लेकिन|परंतु|\b(?:بل|لكن|ولكن|وإنما)\b|하지만|지만|ではなく|아니라|しかし|ですが",
)
NOT_A_RESET = _pattern(r"(?:no|not)[^.]{0,12}$")

TOPIC = _pattern(r"^社?は(?!開発元|開発者|私|僕)|^(?:은|는) (?!저|나|제)")
"""Makes the name what the sentence is about, so that it is no answer left without its subject."""

YES = _pattern(
    r"^\W*(?:yes|yeah|yep|yup|correct|absolutely|indeed|that's (?:right|correct)|that is (?:right|correct)|of course|certainly|sure|exactly|you're right|affirmative)\b",
    r"^\W*(?:oui|ja|sí|si,|sim|да|نعم|أجل|हाँ|हां|はい|ええ|네|예|그렇습니다|是的|对|對|没错|当然|嗯|是[,。!]|是$)",
)
NO = _pattern(
    r"^\W*(?:no|nope|not (?:quite|exactly|really)|incorrect|that's (?:not|incorrect)|negative)\b|^\W*(?:non|nein|não|нет|لا|नहीं|いいえ|아니[요오]|不是|不,|不。|并不是|否|没有)"
)

BARE_LEFT = _pattern(
    r"^\W*(?:(?:it's|it is|that's|that is|that would be|that'd be|the|by|from|at|von|par|por|pela|pelo|by the|made by|answer|sure|okay|ok|de|da|a|o|la|el|le|il|компания|компанией|компанией|公司|شركة|شرکت|कंपनी|certainly|hello|hi)[\s,:!]*){0,3}\W*$"
)
BARE_RIGHT = _pattern(
    r"^\W*(?:(?:inc|llc|ltd|corp|corporation|team|company|group|ai|research|社|です|でした|だ|입니다|이에요|예요|이야|है|हैं|ने|公司|集团|股份|有限公司|科技|团队|开发|的|であり|になります|로|가|에서|개발팀|टीम|ครับ|ค่ะ)[\s.,]*){0,3}\W*(?:$|[,;:!?()\n。।\"|–—-]|\.(?:\s|$))"
)
PERSON_AFTER = _pattern(r"\b(?:me|us|mich|меня|मुझे)\b|我|\bm'")
TRAINING = _pattern(
    r"train|entrain|trainier|entren|trein|обуч|натрен|тренир|训练|訓練|درب|प्रशिक्ष|ट्रेन|学習|トレーニング|훈련|학습|fine-?tun|taught",
    r"addestr|allenat|getraind|trenowan|szkolon|eğit|melatih|dilatih|huấn luyện|đào tạo|навча|навчи|آموزش|প্রশিক্ষ|ฝึก",
)
