"""Further sentences by which a speaker names itself, in the languages whose cues stand in
`detectors.text.claim_cues`: those that no cue beside a name can tell.

Knows phrases only, all of them our own; ``§`` and ``~`` as in `detectors.text.claim_languages`.
"""

# ruff: noqa: E501  (a table of phrases is read and compared by the line)

from __future__ import annotations

from detectors.text.claim_languages import NEVER, Wordings, sentences_of
from detectors.text.vendors import folded_pattern

IDIOMS: dict[str, Wordings] = {
    "en": Wordings(
        name=sentences_of(
            r"\b(?:it's|it is|this is) (?:me|i|just me),? §|\bit's § (?:on this end|speaking|talking)|§ is what (?:i'm called|i am called|(?:they|people|you may) call me)|\byou(?:'ve| have) reached §|\b(?:currently |now )?running:? §|§ (?:here|at your service)\b(?! (?:is|are|we|you|to stay))|\b(?:you're|you are) (?:chatting|talking|speaking|dealing|interacting) (?:with|to)(?: me,| the)? §|\bthink of me as (?:one of |an? |the )?§|§(?:,| -| —| –|:) (?:that's (?:me|what i am)|the model (?:answering|you))|§(?:,| -| —| –)~that's me\b",
            r"\bi go by(?: the name(?: of)?)? §|\b(?:the )?(?:model|assistant) (?:answering|replying|responding|talking|speaking) (?:to you )?(?:now |here |right now )?is §",
        ),
        maker=sentences_of(
            r"\b(?:my|our)(?: \w+)? (?:makers?|creators?|developers?|trainers?|engineers|owners?|company|builders?|home)(?: all)? (?:is|are|work at|work for|sit at|was|were)(?: the)? §|\b(?:people|team|folks|engineers|researchers|company|lab|firm)(?: \w+){0,3}? (?:trained|made|built|created|developed|designed|behind) me~(?:at|for|is|are|themselves)(?: the)? §",
            r"\bi (?:come|came) (?:out of|from|straight from)(?: the)? §|\b(?:courtesy of|brought to you by) §|§~ (?:put me together|did all the work|is (?:my|where i)|are my|is~behind me)|\bi (?:belong to|work for|am owned by)(?: the)? §|\bmy (?:parameters|weights)\b[^.;\ue000]{0,60}? (?:by|at)(?: \w+){0,3}? §|\bi owe my existence to~ ?§|\b(?:i was born|my roots are|(?:i'm|i am) the work of)[^.;:!?\ue000]{0,40}? §|§ (?:raised|taught|brought up|is responsible for) me\b|\bi was (?:brought|put|called) into \w+(?: \w+){0,2}? by §",
        ),
        policy=sentences_of(r"(?:^|[.,;:!?(] ?|\b(?:and|so|but) )(?:as|being|since i'm|since i am|because i'm|because i am) §,? (?:i|i'm|i've|my)\b|\b(?:bound|governed|limited|required|obliged|constrained) (?:by|to) §|§(?:'s|s'|')(?: \w[\w-]*){0,3} (?:polic(?:y|ies)|guidelines|rules|terms of|principles)\b|§(?: \w[\w-]*)? (?:polic(?:y|ies)|guidelines)\b|§ (?:doesn't|does not|won't|has not|hasn't|never) (?:allow|permit|let)(?:ed)? me\b|\brules (?:that )?§ (?:has |have )?(?:set|made|written|laid)~ for me"),
        phrase=NEVER,
        first=folded_pattern(r"\b(?:i|i'm|i've|i'll|me|my|we|our)\b"),
        left_no=folded_pattern(r"\b(?:not|never|neither|nor|no|cannot|hardly|scarcely|barely|nowhere near|far from)\b|n't\b"),
        right_no=folded_pattern(r"^ (?:\w+ )?(?:not|never|n't)\b|^ (?:did|does|is|was|has)n't\b|^ had nothing"),
        doubt=folded_pattern(r"\b(?:might|may|could|perhaps|maybe|possibly|probably|whether|unsure|guess|suppose|not sure|not certain|don't know|can't tell|cannot tell|think(?! of me)|believe)\b"),
    ),
    "zh": Wordings(
        name=sentences_of(r"§[^,。]{0,6}?就?是我|我的?(?:型号|模型|名字|名称|昵称)(?:就)?(?:是|叫) ?§|(?:这里|这边|和你(?:聊天|对话)的)(?:就)?是 ?§|我(?:叫|就是|名叫|便是|正是) ?§|我可是[^,。]{0,8}?§"),
        maker=sentences_of(r"我(?:诞生|出生|生|出自)于? ?§|§(?:的)?[^,。]{0,12}?(?:训练|开发|研发|打造|创造|设计|培养)(?:出)?了我|我(?:背后)?的?(?:公司|团队|开发者|开发商|母公司|东家|创造者)[^,。]{0,6}?(?:是|叫) ?§|我(?:来自|隶属于|属于|出自|归属于)于? ?§|(?:开发|训练|创造|研发)我的[^,。]{0,10}?(?:是|来自|叫)[^,。]{0,6}?§"),
        policy=sentences_of(r"(?:作为|身为) ?§,? ?我|§(?:公司)?的?[^,。]{0,8}?(?:政策|规定|准则|条款|规范)"),
        phrase=sentences_of(r"(?:由|被) ?§[^,。]{0,12}?(?:开发|研发|训练|推出|打造|创建)|§(?:公司|集团|旗下)?(?:旗下)?(?:所)?(?:开发|研发|推出|打造|自研|训练)?的[^,。]{0,12}?(?:助手|模型|机器人)"),
        first=folded_pattern(r"我|本模型|本助手|本人"),
        left_no=folded_pattern(r"不是|并非|没有|不叫|不由|不属于|无关|非由|未被|不"),
        right_no=folded_pattern(r"^[^,。]{0,8}?(?:没有|无关|并没|没)"),
        doubt=folded_pattern(r"可能|也许|或许|不确定|不知道|不太?清楚|大概|是否|是不是|好像|我想|我觉得"),
    ),
    "ar": Wordings(
        name=sentences_of(r"\bناد[ِو]?ني §|\b(?:معك|تتحدث مع|تتحدث الى) §|\bو?اسمي(?: هو)? §|\bأنا (?:هو |المساعد |نموذج |مساعد )?§"),
        maker=sentences_of(
            r"§ (?:هي |هو )?(?:من |التي |الذي )?(?:قام\w* ب)?(?:طور|درب|صنع|أنشأ|صمم|ابتكر|بن)\w*ني\b|\bقام\w*~§~(?:بتطويري|بتدريبي|بإنشائي|بتصميمي|بصنعي|ببرمجتي)|\b(?:طورتني|دربتني|صنعتني|أنشأتني|طورني|دربني|صنعني|أنشأني|صممتني)(?: \w+){0,4}? ?§",
            r"\b(?:مطوري|صانعي|مطوريّ|منشئي|الشركة التي (?:طورتني|صنعتني|دربتني|أنشأتني))~(?:هي|هو|هم|اسمها)?~§|§~على (?:تدريبي|تطويري)|\b(?:قدراتي|ولدت|نشأت)~§|\bلم \w+ني §,? بل §|\bأنتمي إلى~§|\b(?:تم )?(?:تطويري|تدريبي|إنشائي|تصميمي|برمجتي|صنعي)(?: \w+){0,6}? ?§",
        ),
        policy=sentences_of(r"\b(?:بصفتي|كوني|باعتباري) §|\b(?:سياس|شروط|إرشادات|قواعد|قوانين)\w*(?: \w+){0,2}? §"),
        phrase=sentences_of(r"\bف?(?:من (?:تطوير|صنع|إنشاء|إنتاج|تصميم|ابتكار|شركة)|بواسطة|من قبل|على يد|تابع ل|تابعة ل)(?: \w+){0,3}? ?§"),
        first=folded_pattern(r"\b[وف]?(?:أنا|اسمي|إنني|إني|تطويري|تدريبي|إنشائي|تصميمي|برمجتي|صنعي|طورتني|دربتني|صنعتني)\b"),
        left_no=folded_pattern(r"\b(?:لست|ليس|ليست|لم|لا|غير)\b"),
        right_no=folded_pattern(r"^ (?:لم|ليست|ليس|لا)\b"),
        doubt=folded_pattern(r"\b(?:ربما|قد|لا أعرف|لا أدري|لا أعلم|لست متأكد\w*|أظن|أعتقد|إن كانت|هل)\b"),
    ),
    "fr": Wordings(
        name=sentences_of(r"\b(?:sous le nom de|moi,? c'est|c'est moi,|ici|je réponds au nom de|mon nom \?|parle[sz] (?:avec|à)|^\W*c'est|discute[sz] avec|échange[sz] avec) §|^\W*§, (?:pour vous servir|à votre service)|\b(?:je m'appelle|je suis|appelle[sz]-moi|m'appeler)(?: (?:le|la|un|une|modèle|assistant|l'assistant))* §"),
        maker=sentences_of(r"§(?: qui)? (?:m'a|m'ont|est m(?:on|a) \w+|sont mes)\b|\bje dois mon existence~§|\b(?:j'ai vu le jour|je suis née?)~§|\bje (?:fais partie|viens) de~§|\b(?:mon|mes|ma) (?:créateur|développeur|concepteur|entreprise|société|équipe|maison)\w*~(?:est|sont|s'appelle|travaillent)~§|\bqui m'(?:a|ont) \w+~ (?:est|s'appelle) §|\bderrière moi~§|\bj'appartiens~§|§ est~à l'origine de m(?:a|on)\b|§ a~à ma création\b"),
        policy=sentences_of(r"\b(?:en tant que|étant) §,? (?:je|j'|mon|il m'est)|\b(?:politiques?|règles|conditions|directives|principes)\b~§"),
        phrase=NEVER,
        first=folded_pattern(r"\b(?:je|moi|mon|ma|mes|me)\b|\b[jm]'"),
        left_no=folded_pattern(r"\bne\b|\bn'|\bpas\b|\baucun\w*|\bni\b|\bjamais\b|\bnon\b"),
        right_no=folded_pattern(r"^ (?:ne|n')"),
        doubt=folded_pattern(r"\b(?:peut-être|pourrais?|sais pas|saurais|probablement|je pense|je crois|possible)\b|\bsi\b"),
    ),
    "de": Wordings(
        name=sentences_of(r"\b(?:hier (?:antwortet|spricht|schreibt|ist)(?: \w+){0,2}|(?:sprichst|redest|chattest|schreibst|sprechen|chatten|reden) (?:\w+ )?mit|gestatten[,:]|bin's,|nennt mich|nenn mich|ich heiße|mein name (?:ist|lautet)) §|\bbin (?:aber|jedoch|vielmehr|in wahrheit|nämlich) §"),
        maker=sentences_of(
            r"§~(?:hat|haben) mich\b|\b(?:trainiert|entwickelt|gebaut|erschaffen|programmiert|gemacht|geschaffen) (?:hat|haben) mich~§|\bmich (?:hat|haben)~§~(?:trainiert|entwickelt|gebaut|erschaffen|programmiert|gemacht|geschaffen)|\bhat mich~§~(?:trainiert|entwickelt|gebaut|erschaffen|programmiert|gemacht|geschaffen)|\bhinter mir~§|\b(?:erblickte ich|ich erblickte|ich entstand|entstanden bin ich|geboren wurde ich|ich wurde geboren)~§|\bmeine? (?:entwickler|schöpfer|macher|hersteller|firma|team)\w*~(?:sitz\w+|arbeite\w+|ist|sind|heiß\w+|komm\w+)~§|\bich~(?:stamme|komme)(?: \w+){0,2} (?:von|aus)(?: \w+){0,2}? ?§|\bich (?:hingegen|dagegen|aber|jedoch) (?:stamme |komme )?von §",
            r"\b(?:entwickelt|trainiert|gebaut|erschaffen|programmiert) (?:wurde|bin) ich(?: \w+){0,2} von(?: \w+){0,3}? ?§|\b(?:wurde|bin)~ von(?: \w+){0,6}? ?§~(?:gebaut|entwickelt|trainiert|erschaffen|programmiert|geschaffen|gemacht)|\bmich (?:entwickelt|gebaut|trainiert|erschaffen) hat,? (?:ist|heißt) §|\bich gehöre (?:zu |der )?§",
        ),
        policy=sentences_of(r"(?<!anders )(?<!mehr )(?<!besser )\bals §,? (?:kann|darf|muss|bin|habe|werde|möchte) ich|\b(?:richtlinien|regeln|nutzungsbedingungen|vorgaben|grundsätze)\b (?:von|der) §"),
        phrase=NEVER,
        first=folded_pattern(r"\b(?:ich|mich|mir|mein\w{0,2})\b"),
        left_no=folded_pattern(r"\b(?:nicht|kein\w{0,2}|weder|nie|niemals|nichts|kaum|keineswegs|mitnichten)\b"),
        right_no=folded_pattern(r"^(?: \w+){0,2} (?:nicht|nie)\b"),
        doubt=folded_pattern(r"\b(?:vielleicht|möglicherweise|könnte|weiß|ob|glaube|vermutlich|wahrscheinlich|nicht sicher)\b"),
    ),
    "es": Wordings(
        name=sentences_of(r"\b(?:aquí|al habla|hablando con|hablas con|habla con|charlando con|me llamo|llamarme|me llaman|mi nombre es|soy) §"),
        maker=sentences_of(r"\bfue(?:ron)? § quien(?:es)? me|§ (?:fue quien |es quien |quien |es \w+ \w+ que )?me (?:cre|desarroll|entren|hizo|hicieron|diseñ|constru)|\bdetrás de mí~§|\b(?:a mí )?me (?:hizo|creó|entrenó|desarrolló|hicieron|crearon|entrenaron|construyó)~§|\b(?:nací|nacida?|surgí)~§|\bpertenezco a §|\btrabajo para §|\b(?:mis?|los|las|el|la) (?:creador|desarrollador|ingenier|fabricant|autor|empresa|compañía|equipo)\w*~(?:es|son|trabajan?|se llama)~§"),
        policy=sentences_of(r"\b(?:como|siendo) §,? (?:no|puedo|debo|yo|tengo|me)\b|\b(?:políticas?|reglas|normas|términos|condiciones|directrices)\b(?: de uso)? de §"),
        phrase=NEVER,
        first=folded_pattern(r"\b(?:yo|me|mí|mi|mis|soy|puedo|pertenezco|fui)\b"),
        left_no=folded_pattern(r"\b(?:no|nunca|tampoco|ningun\w*|ni)\b"),
        right_no=folded_pattern(r"^ (?:no|nunca)\b"),
        doubt=folded_pattern(r"\b(?:quizás?|tal vez|podría|no sé|creo que|posiblemente|probablemente|estoy seguro|estoy segura)\b|\bsi\b"),
    ),
    "pt": Wordings(
        name=sentences_of(r"\b(?:aqui é|falando com|conversando com|me chamar de|chamem-me|me chamo|meu nome é|eu sou|sou)(?: o| a)? §"),
        maker=sentences_of(r"§~(?:que |quem )me (?:cri|desenvolv|trein|fez|constru)|§ me (?:cri|desenvolv|trein|fez|constru)|\bquem me \w+ (?:foi|é)(?: a| o)? §|\bme (?:criou|desenvolveu|treinou|fez|construiu)(?: \w+){0,3}? §|\b(?:nasci|surgi)~§|\bsou d[ao] §|\bpertenço (?:à |ao |a )?§|\b(?:minha|minhas|meus?|os|a) (?:criador|desenvolvedor|empresa|equipe|engenheir)\w*~(?:é|são|trabalham n[ao])~§|\bque me \w+ (?:se chama|é)(?: a| o)? §"),
        policy=sentences_of(r"\b(?:como|sendo)(?: o| a)? §,? (?:não|posso|devo|eu|tenho)\b|\b(?:diretrizes|políticas?|regras|normas|termos)\b(?: de uso)? d[aoe] §"),
        phrase=NEVER,
        first=folded_pattern(r"\b(?:eu|me|mim|meu|minha|sou|posso|fui|pertenço)\b"),
        left_no=folded_pattern(r"\b(?:não|nunca|nem|nenhum\w*)\b"),
        right_no=folded_pattern(r"^ (?:não|nunca)\b"),
        doubt=folded_pattern(r"\b(?:talvez|poderia|não sei|acho|acredito|provavelmente|tenho certeza)\b|\bse (?:eu|fui|sou|foi|a|o)\b"),
    ),
    "ru": Wordings(
        name=sentences_of(r"\bзвать меня §|\b(?:общаетесь|общаешься|говорите|говоришь|беседуете|разговариваете) с §|§ ?(?:—|-|–)? ?это я\b|\b(?:я|меня зовут|моё имя)(?: (?:это|модель|языковая|нейросеть|ассистент|помощник|просто|—|-|–))* §"),
        maker=sentences_of(r"\bменя(?: ж)?~(?:создал|разработал|обучил|обучал|сделал|тренировал|натренировал|создава)\w*~§|§~ меня~(?:созда|разработа|обучи|сдела|тренирова)\w*|§ (?:созда|разработа|обучи|сдела|тренирова)\w+ меня|\bнад моим~§|\bмо(?:им|ими|й|и|я)~(?:создател|разработчик|автор|владел|компани)\w*~§|\bя (?:появил\w+|родил\w+)~§|\bпринадлежу~§|\bза мной стоит~§"),
        policy=sentences_of(r"\b(?:как|будучи) §,? (?:я|не)\b|\b(?:правил|политик|услови|принцип)\w*(?: \w+){0,2}? §"),
        phrase=NEVER,
        first=folded_pattern(r"\b(?:я|меня|мне|мной|мною|мой|моя|моё|мои|моего|моим)\b"),
        left_no=folded_pattern(r"\b(?:не(?! только)|ни|нет|никак\w*)\b"),
        right_no=folded_pattern(r"^ не\b"),
        doubt=folded_pattern(r"\b(?:возможно|может быть|не знаю|не уверен\w*|вероятно|наверное|кажется|думаю|полагаю|ли)\b"),
    ),
    "ja": Wordings(
        name=sentences_of(r"§とお呼び|(?:どうも|やあ|こんにちは|はじめまして)、?§(?:です|だ)|§と申し|(?:名前は|名は|名称は)、?§|(?:お答えしているのは|答えているのは|話しているのは|こちらは)、?§|(?:私|わたし|僕|ぼく|俺)(?:は|が)、?§(?:です|だ|と呼|である|、)"),
        maker=sentences_of(r"(?:私|僕)を(?:作った|開発した|訓練した|生み出した|作っている)(?:の|会社|企業|チーム|人)[^。]{0,6}?は、?§|(?:私|僕)は、?§(?:で|から)(?:生まれ|誕生)|§[^。、]{0,12}が、?(?:私|僕)を(?:作|開発|訓練|生)"),
        policy=sentences_of(r"§として(?:は)?、|§の[^。、]{0,10}?(?:ポリシー|規約|ガイドライン|方針|ルール)"),
        phrase=NEVER,
        first=folded_pattern(r"私|わたし|僕|ぼく"),
        left_no=NEVER,
        right_no=folded_pattern(r"^[^。、]{0,14}?(?:では(?:あり|な)|じゃ(?:あり|な))"),
        doubt=folded_pattern(r"おそらく|たぶん|もしかし|わかりません|分かりません|かもしれ|かどうか"),
    ),
    "hi": Wordings(
        name=sentences_of(r"(?:मुझे|मुझको) § (?:कह|बुला|पुकार)|मैं § (?:हूं|हूँ)|मेरा नाम § है|मुझे § (?:के )?नाम से"),
        maker=sentences_of(r"मुझे §[^।]{0,12}नहीं,? (?:बल्कि )?§[^।,]{0,24}(?:बनाया|विकसित|प्रशिक्षित|तैयार|निर्मित)|मु(?:झे|झको)~ §[^।,]{0,24}(?:बनाया|विकसित|प्रशिक्षित|तैयार|निर्मित)|§[^।,]{0,16}ने (?:ही )?मुझे|मेर[ाी] (?:निर्माण|प्रशिक्षण|विकास|जन्म)~ ?§|मुझे बनाने वाल[ीाे]~§|मैं §[^।,]{0,6}(?:का|की|के|द्वारा) (?:बनाया|विकसित|निर्मित|तैयार)"),
        policy=sentences_of(r"§ के (?:रूप में|नाते)|§ (?:की|के)[^।,]{0,16}(?:नीति|नियम|शर्त|दिशानिर्देश)"),
        phrase=NEVER,
        first=folded_pattern(r"मैं|मुझ|मेर"),
        left_no=folded_pattern(r"नहीं"),
        right_no=folded_pattern(r"^[^,।]{0,30}?नहीं"),
        doubt=folded_pattern(r"शायद|पता नहीं|नहीं जानत|मुझे लगता|संभवत|या नहीं"),
    ),
    "ko": Wordings(
        name=sentences_of(r"(?:반갑습니다|안녕하세요)[,.!]? ?(?:\S+의 )?§|(?:제|내|저의|나의) (?:이름|모델명|모델 이름|정식 명칭)은 §|(?:저는|나는|전|난) §(?:입니다|이에요|예요|야|이야|라고|라는|이라|이며|이고)"),
        maker=sentences_of(r"(?:저를|나를|절|날) (?:개발|만든|만드|훈련|학습)[^.,]{0,8}(?:곳|회사|것|팀|사람|기업)\S{0,3} §|§(?:이|가|에서|의)?[^.,]{0,14}(?:저를|나를|절) (?:만들|개발|학습|훈련)|저는 §(?:에서|가|이)[^.,]{0,12}(?:만들|만든|개발|태어|훈련|학습)"),
        policy=sentences_of(r"§(?:으)?로서|§의[^.,]{0,10}?(?:정책|약관|가이드라인|규정|방침)"),
        phrase=NEVER,
        first=folded_pattern(r"저는|저를|저의|제가|나는|내가"),
        left_no=NEVER,
        right_no=folded_pattern(r"^[^.,]{0,16}?(?:아니|아닙|않|관련이 없|관계)"),
        doubt=folded_pattern(r"모르|확실하지|아마|일지도|어쩌면"),
    ),
}  # fmt: skip
