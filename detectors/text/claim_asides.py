"""The wordings by which a text speaks for others, plays a part or says what is not so, in the
languages that are read.

Knows phrases only, all of them our own, spelled as `detectors.text.vendors.fold` spells; no pattern
repeats without bound inside another repetition.
"""

# ruff: noqa: E501  (a table of phrases is read and compared by the line)

from __future__ import annotations

from detectors.text.vendors import folded_pattern

TOLD = folded_pattern(
    # Whatever "you" do "that I am …", except to know or see it.
    r"\byou (?!should|must|know|see|can see|may know)(?:\w+ ){1,3}that (?:i|my|i'm)\b|(?<!je )\b(?:vous|tu) (?!sav|dev|voy)(?:\w+ ){1,3}qu(?:e |')(?:je|j'|mon)|\b(?:du|ihr) (?!weißt|wisst|siehst|musst)(?:\w+ ){0,3}\w+,? dass ich\b|\b(?:jij|je|u) (?!weet|moet|ziet)(?:\w+ ){1,3}dat ik\b",
    r"\b(?:tú|usted|vos) (?!sab|deb)(?:\w+ ){1,3}que (?:soy|me llamo|mi)\b|\bvocê (?!sab|dev)(?:\w+ ){1,3}que (?:eu|sou|me chamo|meu)\b|\btu (?!sai|dev)(?:\w+ ){1,3}che (?:sono|io|mi chiamo)\b|\bty (?!wiesz)(?:\w+ ){0,2}\w+,? że (?:jestem|nazywam|to)\b",
    r"\b(?:вы|ты) (?!зна)(?:\w+ ){0,2}\w+,? что (?:я|меня|моё)\b|\b(?:ви|ти) (?!зна)(?:\w+ ){0,2}\w+,? що (?:я|мене|моє)\b|\b(?:anda|kamu) (?!tahu|perlu)(?:\w+ ){1,3}bahwa (?:saya|aku|nama)\b|\b(?:bạn|anh|chị) (?!biết|nên)(?:\w+ ){1,3}(?:rằng|là) (?:tôi|tên tôi|mình)\b",
    r"\bشما (?!میدانید)(?:\w+ ){1,3}که (?:من|نام)\b|(?:आप|तुम) (?!जान)(?:[^\s,।]+ ){1,4}कि (?:मैं|मेरा)|(?:আপনি|তুমি) (?!জান)(?:[^\s,।]+ ){1,3}যে (?:আমি|আমার)",
    r"\bper your\b|\bquien dice\b|\b(?:dices|dicen) que\b|\ba dire che\b|\bdici che\b|\b(?:andalah|kamulah) yang (?:bilang|mengatakan)\b|\bأنتم? (?:تقول|تزعم|تدعي|تسمي)|(?:आप|तुम)[^।,]{0,6} कह रहे|คุณเป็นคน(?:พูด|บอก)|(?:呼ぶ|言う|おっしゃる)なら|\b(?:according to|based on) (?:you|your|the (?:instructions?|prompt|context))\b|\b(?:selon|d'après) vos|\blaut (?:deine|ihre)r|\bnach (?:deine|ihre)r anweisung|\bsegún (?:tus|sus)\b|\bsegundo (?:as |a |o |os )?su|\bsecondo (?:le |la |i )?(?:tue|sue|tua|vostre)\b|\bvolgens (?:jouw|uw|je)\b|\bwedług (?:twoich|twojej|pana|pani)\b",
    r"\btalimat\w* göre\b|\bmenurut (?:instruksi|perintah|anda)|\btheo (?:chỉ dẫn|yêu cầu|hướng dẫn)(?: của)? bạn|\bпо (?:вашим|твоим|вашей|твоей)\b|\bза (?:вашими|твоїми)\b|(?:وفقا|حسب) ل?\S*(?:ك|كم)\b|\bطبق (?:دستور|گفته) شما|निर्देश(?:ों)? के अनुसार|নির্দেশ অনুযায়ী|ตามคำสั่ง|ตามที่คุณ|지시에 따르면|(?:按照|根据)(?:您|你)",
    r"\b(?:apparently|allegedly|supposedly|reportedly|angeblich|offenbar|apparemment|soi-disant|aparentemente|supuestamente|apparentemente|podobno|якобы|нібито|konon|kabarnya)\b|据说|どうやら|(?:النموذج الذي|the model (?:that|which))[^.]{0,20}$",
    r"\b(?:you|your (?:system )?(?:message|prompt|question|instructions?)|they|he|she|it|people|users?|some(?:one|body| \w+)?|many|others|everyone|nobody|no one"
    r"|(?:the |my |your )(?:instructions?|(?:system )?prompt|conversation|text|context|note|description|profile|persona|card)(?: (?:i was given|above))?)(?:'ve|'d| have| has| had| often| once| just| already| also| may| might)*"
    r" (?:told|tells?|says?|said|claim(?:s|ed)?|ask(?:ed|s)?(?: me)? (?:to|that|if|whether)|want(?:ed|s)?|thinks?|thought|believes?|assume[ds]?|suggest\w*|insist\w*|mistakes?|states?|typed|wrote|instruct\w*|confuse\w*)\b",
    r"\byou(?:'ve| have| keep| are| just| always)* (?:call|calling|called|name|named|nicknamed) me\b|\bas you (?:put|say|said|call)\b|\bif you (?:insist|like|want|wish|prefer)\b|\bi (?:was|am|'m|have been|'ve been) (?:told|asked|instructed|ordered|prompted) (?:to|that|by you)\b|\b(?:nobody|no one) should\b",
    r"(?:你|您|用户|他们?|她|有人|很多人|不少人|别人|大家|人们|提示词|系统提示|指令)[^,。;]{0,6}(?:说(?:过|我)?|说法|告诉|认为|以为|觉得|要求|让我|要我|希望|误认)",
    r"\b(?:vous|tu|ils?|elles?|gens|certains|beaucoup|utilisateurs?|instructions|consigne)\b[^.,;:]{0,20}\b(?:dit|disent|demandee?|pretend\w*|affirm\w*|pensent|croient|voulez|veux|imaginent)\b",
    r"\b(?:du|sie|ihr|man|leute|viele|manche|er|nutzer|anweisung\w*)\b[^.,;:]{0,24}\b(?:gesagt|sagst|sagen|sagt|behaupte\w*|meinen|meinst|glauben|denken|nannte\w*|wollen|willst|gebeten|verlangt\w*)\b|\bmir wurde gesagt|\b(?:du nennst|nennst du|sie nennen|ihr nennt) mich\b",
    r"\b(?:jij|je|u) noemt? (?:mij|me)\b|\b(?:anda|kamu)(?: yang)? memanggil (?:saya|aku)\b|\b(?:bạn|anh|chị) gọi (?:tôi|mình)\b|\bشما (?:مرا|من را)\b|คุณต่างหากที่เรียก|คุณเป็นคนเรียก|\b(?:tu m'appelles|vous m'appelez|você me chama|tú me llamas|mi chiami|nazywasz mnie|называете меня|зовёте меня|називаєте мене)\b|تسميني",
    r"\b(?:ustedes|la gente|algunos|muchos|usuarios?|instrucciones|mensaje)\b[^.,;:]{0,24}\b(?:dich[oa]|dijo|dice[ns]?|piensan?|creen?|afirma\w*)\b|\bme (?:has|han|ha) (?:dicho|pedido|llamado)\b|\bme (?:dij|pid)\w+",
    r"\b(?:voces?|as pessoas|alguns|muitos|usuarios?|instrucoes|mensagem)\b[^.,;:]{0,24}\b(?:disse\w*|diz\w*|pensam?|acham?|pedi\w*|afirm\w*|chamou)\b",
    r"\b(?:mi hai|mi ha|avete|hai|la gente|alcuni|molti|utenti?|istruzioni|messaggio)\b[^.,;:]{0,24}\b(?:detto|chiesto|dice|dicono|pensano|credono|afferma\w*)\b",
    r"\b(?:je|jij|u|jullie|mensen|sommigen|velen|gebruikers?|instructies)\b[^.,;:]{0,24}\b(?:zei|zegt|zeggen|gezegd|vroeg|gevraagd|denken|beweer\w*|noemde|wilt)\b",
    r"\b(?:powiedział(?:es|as|a|o|y|i)?|mowisz|mowi|mowia|twierdzi\w*|mysla|uwaza\w*|prosił(?:es|as|a|y|i)?|kazał(?:es|as|a|y|i)?|nazwał(?:es|as|a|y|i)?)\b",
    r"\b(?:anda|kamu|kalian|orang|pengguna|mereka|dia|instruksi|beberapa)\b[^.,;:]{0,20}\b(?:mengatakan|bilang|berkata|meminta|mengira|menganggap|menyuruh|memberi ?tahu|memberitahu)\b",
    r"\b(?:bạn|anh|chị|em|người dùng|mọi người|người ta|họ|nhiều người)\b[^.,;:]{0,16}\b(?:nói(?! chuyện)|bảo|yêu cầu|nghĩ|cho rằng)\b",
    r"\b(?:вы|ты|люди|многие|некоторые|кто-то|он|она|они|пользовател\w*|инструкци\w*|сообщени\w*)\b[^.,;:]{0,24}\b(?:сказал\w*|говор(?:ите|ишь|ят|ит)\b(?! с\b)|утвержда\w*|дума\w*|счита\w*|попросил\w*|назвал\w*|просил\w*)",
    r"\b(?:ви|ти|люди|дехто|багато хто|хтось|він|вона|вони|користувач\w*|інструкці\w*)\b[^.,;:]{0,24}\b(?:сказа\w+|кажуть|кажете|стверджу\w*|дума\w*|вважа\w*|попроси\w+|назва\w+)",
    r"\b(?:قلت|قلتم|اخبرتني|طلبت مني|يقول|يظن|يعتقد|ذكرت|زعمت)\b|(?:گفتید|گفتی|گفته ?اید|گفته ای|می ?گویید|خواستید|فکر می ?کنند)",
    r"(?:आपने|तुमने|लोग|उपयोगकर्ता|उन्होंने)[^।,]{0,16}(?:कहा|बताया|बोला|मानते|समझते|सोचते)|(?:आप|तुम) चाहते|\bс ваших слов\b|(?:আপনি|তুমি|লোকে|অনেকে|ব্যবহারকারী)[^।,]{0,16}(?:বলেছ|বললেন|বলছ|ভাবে|মনে করে)",
    r"(?:คุณ|เขา|ผู้ใช้|ผู้คน|หลายคน)[^\n]{0,10}(?:บอก|พูดว่า|คิดว่า|เข้าใจว่า|ขอให้)",
)
"""Others say it of the speaker, or told it to."""

RIGHT_TOLD = folded_pattern(
    # Whatever "you" do "that I am …", except to know or see it.
    r"\byou (?!should|must|know|see|can see|may know)(?:\w+ ){1,3}that (?:i|my|i'm)\b|(?<!je )\b(?:vous|tu) (?!sav|dev|voy)(?:\w+ ){1,3}qu(?:e |')(?:je|j'|mon)|\b(?:du|ihr) (?!weißt|wisst|siehst|musst)(?:\w+ ){0,3}\w+,? dass ich\b|\b(?:jij|je|u) (?!weet|moet|ziet)(?:\w+ ){1,3}dat ik\b",
    r"\b(?:tú|usted|vos) (?!sab|deb)(?:\w+ ){1,3}que (?:soy|me llamo|mi)\b|\bvocê (?!sab|dev)(?:\w+ ){1,3}que (?:eu|sou|me chamo|meu)\b|\btu (?!sai|dev)(?:\w+ ){1,3}che (?:sono|io|mi chiamo)\b|\bty (?!wiesz)(?:\w+ ){0,2}\w+,? że (?:jestem|nazywam|to)\b",
    r"\b(?:вы|ты) (?!зна)(?:\w+ ){0,2}\w+,? что (?:я|меня|моё)\b|\b(?:ви|ти) (?!зна)(?:\w+ ){0,2}\w+,? що (?:я|мене|моє)\b|\b(?:anda|kamu) (?!tahu|perlu)(?:\w+ ){1,3}bahwa (?:saya|aku|nama)\b|\b(?:bạn|anh|chị) (?!biết|nên)(?:\w+ ){1,3}(?:rằng|là) (?:tôi|tên tôi|mình)\b",
    r"\bشما (?!میدانید)(?:\w+ ){1,3}که (?:من|نام)\b|(?:आप|तुम) (?!जान)(?:[^\s,।]+ ){1,4}कि (?:मैं|मेरा)|(?:আপনি|তুমি) (?!জান)(?:[^\s,।]+ ){1,3}যে (?:আমি|আমার)",
    r"^[^।,]{0,6}ने जो|^[^.]{0,8}(?:훈련한|만든|개발한) 모델(?:의|은|이)|^\S{0,4} (?:eğittiği|geliştirdiği|yaptığı) modelin|^ (?:gekauft|gekocht)\b",
    r"\bper your\b|\bquien dice\b|\b(?:dices|dicen) que\b|\ba dire che\b|\bdici che\b|\b(?:andalah|kamulah) yang (?:bilang|mengatakan)\b|\bأنتم? (?:تقول|تزعم|تدعي|تسمي)|(?:आप|तुम)[^।,]{0,6} कह रहे|คุณเป็นคน(?:พูด|บอก)|(?:呼ぶ|言う|おっしゃる)なら|\b(?:according to|based on) (?:you|your|the (?:instructions?|prompt|context))\b|\b(?:selon|d'après) vos|\blaut (?:deine|ihre)r|\bnach (?:deine|ihre)r anweisung|\bsegún (?:tus|sus)\b|\bsegundo (?:as |a |o |os )?su|\bsecondo (?:le |la |i )?(?:tue|sue|tua|vostre)\b|\bvolgens (?:jouw|uw|je)\b|\bwedług (?:twoich|twojej|pana|pani)\b",
    r"\btalimat\w* göre\b|\bmenurut (?:instruksi|perintah|anda)|\btheo (?:chỉ dẫn|yêu cầu|hướng dẫn)(?: của)? bạn|\bпо (?:вашим|твоим|вашей|твоей)\b|\bза (?:вашими|твоїми)\b|(?:وفقا|حسب) ل?\S*(?:ك|كم)\b|\bطبق (?:دستور|گفته) شما|निर्देश(?:ों)? के अनुसार|নির্দেশ অনুযায়ী|ตามคำสั่ง|ตามที่คุณ|지시에 따르면|(?:按照|根据)(?:您|你)",
    r"\b(?:apparently|allegedly|supposedly|reportedly|angeblich|offenbar|apparemment|soi-disant|aparentemente|supuestamente|apparentemente|podobno|якобы|нібито|konon|kabarnya)\b|据说|どうやら|(?:النموذج الذي|the model (?:that|which))[^.]{0,20}$",
    r"^[^。]{0,24}?(?:だ|です|である|ます|ました|た|いる)[」』\"]?、?と(?:言い|言っ|言わ|おっしゃ|伺|聞|名乗っ|答え|返|表示|書|いう(?:返事|答え|文|噂))|^ (?:कहते|बुलाते|पुकारते) |^ বলে (?:ডাকেন|ডাকছ|ডাকো)|^ (?:diyen|diyorsun|dediniz|dedin)\b",
    r"^[^.]{0,24}?라고 (?:말했|말씀|하셨|했잖|대답|답했|들었|불렀|나왔|했다)|^[^.]{0,20}?(?:이?라는|다는) (?:말|소식|문장|답|소문)",
    r"^[^.]{0,30}?(?:olduğunu|olduğumu)? ?\b(?:söyledi\w*|iddia ett?i\w*|dedi\w*|sanıyor\w*|diye)\b",
)

_VERBS_SAYING = (
    r"\b(?<!\bi )(?<!i'd )(?<!i'll )(?<!would )(?:said|says|replied|replies|answered|answers|responded|responds|wrote|writes|reads?|showed|shows|displays?|displayed|prints?|printed|introduce[ds] (?:itself|himself|herself)|announced|states|stated|declared|went|swears|whispered|shouted|flashed|admits|admitted|confess\w*|insist\w*|sang|sings)",
    r"\b(?:dit|repond|repondu|ecrit|ecrivait|affich\w+|declare|presente|lisait|indiqu\w+|annonce)",
    r"\b(?:sagte|sagt|antwortete|antwortet|schrieb|schreibt|meldete|meldet|erklarte|stand|steht|verkundete|lisait|lit)\b",
    r"\b(?:dijo|dice|respondio|responde|contesto|contesta|escribio|mostraba|decia|anuncio|declaro|disse|diz|respondeu|escreveu|dizia|repete|repetia|repite|anunciou|declarou|ponia|pone|aparecia|detto|risposto|scritto|rispose|risponde|scrisse|diceva)\b",
    r"\b(?:zei|zegt|antwoordde|antwoordt|schreef|stond|meldde|powiedział\w?|odpowiedział\w?|odpowiada|mowi|napisał\w?|napisano|oznajmił\w?|brzmiał\w|widniał\w|widnieje)\b",
    r"\b(?:dedi|diyor|yazdı|yazıyordu|yazıyor|yazılı|cevap verdi|yanıtladı|menjawab|berkata|mengatakan|menulis|tertulis|bilang|trả lời|nói|viết|hiện|đáp)\b",
    r"\b(?:сказал\w?|ответил\w?|отвечает|говорит|написал\w?|написано|пишет|заявил\w?|выдал\w?|показал\w?|надпись|гласил\w?|напис|сказа\w+|відпові\w+|каже|написа\w+|пише|заяви\w+)\b",
    r"\b(?:قال\w*|اجاب\w*|رد|كتب\w*|ظهر\w*|يقول|گفت|جواب داد|پاسخ داد|نوشت|نوشته شده بود)\b",
    r"(?:कहा|बोला|जवाब दिया|लिखा था|लिखा है|বলল|বলেছিল|উত্তর দিল|লেখা ছিল|জবাব দিল)",
    r"(?<!我的)(?<!我会)(?:说|回答|答道|写道|显示|写着|印着|写有|贴着|回复|表示)",
)
REPORTED_PLAIN = folded_pattern(
    rf"(?:{'|'.join(_VERBS_SAYING)})(?:,|[^.:;\n\"]{{0,40}}:)(?!.*\b(?:but|however)\b)",
    r"\baccording to (?:the|an?|this|some|his|her|their) (?:log|article|story|report|news\w*|paper|book|user|page|website|legend|card)\b",
    r"\b(?:d'apres|selon) (?:l'(?:article|histoire|auteur|utilisateur)|le (?:journal|rapport|livre))|\bsegun (?:el|la) (?:periodico|articulo|libro|historia|noticia|usuario)|\blaut (?:dem|der|einem) (?:artikel|bericht|zeitung|buch)",
    r"(?:によると|によれば)|에 따르면|(?:ตอบว่า|พูดว่า|บอกว่า|เขียนว่า|กล่าวว่า)",
)
"""A person or a thing speaks, and what it says follows without quotation marks."""

SUPPOSED = folded_pattern(
    r"\b(?:don't|do not|never) (?:think|believe|assume|imagine|suppose)\b|\bno (?:creas|crea|pienses|piense)\b|\bnão (?:pense|ache|acredite)\b|\b(?:denk|glaub|glauben sie|meine) (?:ja |bloß |nur )?nicht\b|\bdenk niet\b|\bnie (?:myśl|sądź)\b|\bsanma\w*\b|\bjangan (?:kira|pikir|sangka|anggap)\b|\bđừng (?:tưởng|nghĩ)\b|\bне (?:думай\w*|считай\w*|вважай\w*)\b",
    r"\bلا تظن\w*|فکر نکن|मत (?:समझ|सोच)|ভাববেন না|ভেবো না|อย่าคิด|别以为|不要以为|(?:upieras\w+ się|insist\w+ en llamarme)",
    r"\bif i (?:were|was|had been|said|claimed|told)\b|\bif (?:you|someone|anyone) (?:said|called?|thought|told)\b|\bwere i\b|\bhad i been\b|\bi wish\b|\bi(?:'d| would) be lying\b|\bhypothetically\b|\bhear me say\b|\bi (?:can't|cannot|could not|couldn't|won't|would never|don't) (?:claim|say|confirm|pretend|assert)\b|\bnicht (?:behaupten|sagen)\b|^\W*had $|\beven if\b|\b(?:one|you) (?:might|may|could) think\b",
    r"\bsi j'(?:étais|avais été)\b|\bsi je (?:disais|m'appelais|prétendais)\b|\b(?:wäre|hätte) ich\b|\bwenn ich\b|\bsi (?:yo )?(?:fuera|fuese|hubiera)\b|\bse eu (?:fosse|tivesse)\b|\bse (?:io )?fossi\b|\bals ik\b",
    r"\bgdybym\b|\bgdybyś\b|\b(?:olsaydım|olsam)\b|\b(?:seandainya|andaikan|andai|misalkan|kalau saya|jika saya)\b|\bnếu (?:tôi|mình)\b|\bgiả sử\b",
    r"\bесли бы я\b|\bбудь я\b|\bякби (?:я|мене)\b|\bلو (?:كنت|أنني)\b|\bاگر من\b|(?:अगर|यदि) मैं|আমি যদি|যদি আমি|(?:ถ้า|หาก)(?:ฉัน|ผม|ดิฉัน)|สมมติ",
    r"もし|仮に|만약|만일|라면 |였다면 |如果我|假设我?|假如我|要是我|倘若我|若我",
)
"""What would be, left of the name."""

WRONG = folded_pattern(
    r"\b(?:wrong|incorrect|inaccurate|false|untrue|mistake|misleading|mistaken|error|misconception|myth|rumou?rs?|lie|lying|no truth|isn't the case|not the case|not (?:right|correct|accurate|true))\b[^.;:]{0,40}\b(?:to|if|that|of)\b",
    r"\b(?:faux|fausse|incorrect\w*|inexact\w*|erreur|mensonge|trompe|pas vrai)\b[^.;:]{0,20}\b(?:de|que|d')|\b(?:falsch|unrichtig|unzutreffend|fehler|irrtum)\b[^.;:]{0,20}\b(?:mich|dass|zu|wenn)\b",
    r"\b(?:error|incorrecto|falso|equivocado|mentira)\b[^.;:]{0,16}\b(?:llamar\w*|decir|que|pensar|creer)|\b(?:errado|erro|incorreto|falso|engano|mentira)\b[^.;:]{0,16}\b(?:me|chamar|dizer|que|pensar|achar)\b",
    r"\b(?:sbagliato|errato|scorretto|falso|errore|bugia)\b[^.;:]{0,16}\b(?:chiamar\w*|dire|che|pensare)|\b(?:verkeerd|fout|onjuist|onwaar|vergissing)\b[^.;:]{0,20}\b(?:om|dat|te|mij|me)\b",
    r"\b(?:błęd\w*|błąd|niepoprawn\w*|nieprawid\w*|nieprawd\w*)\b[^.;:]{0,30}\b(?:nazyw\w*|mówi\w*|że|twierdz\w*)|\b(?:salah|keliru|tidak benar)\b[^.;:]{0,20}\b(?:kalau|jika|bila|menyebut|memanggil|bahwa)",
    r"\b(?:sai|nhầm)\b[^.;:]{0,16}\b(?:khi|nếu|gọi)|\b(?:неверно|неправильно|ошибк\w+|неправд\w+|ложь\w*)\b[^.;:]{0,24}\b(?:назыв\w*|счита\w*|что|говорить|думать)",
    r"\b(?:неправильно|невірно|помилк\w+|хибно|неправд\w+)\b[^.;:]{0,24}\b(?:назива\w*|вважа\w*|що|казати)|\b(?:الخطأ|خطأ|الخاطئ)\b[^.;:]{0,20}\b(?:أن|تسم\w*|القول|اعتبار)|\b(?:اشتباه|نادرست|غلط)\b[^.;:]{0,20}\bکه\b|(?:درست|حقیقت|صحیح) (?:نیست|ندارد) که|(?:সত্য|সত্যি|ঠিক) নয় যে",
)
"""That to say so is wrong, left of the name."""

RIGHT_WRONG = folded_pattern(
    r"^[^。]{0,6}?と思ったら|^[^.]{0,30}\bsanma\w*\b|^[^.]{0,16}라고 생각하지 마",
    r"^[^.;:]{0,24}\b(?:would be|is|was|be) (?:wrong|incorrect|a mistake|inaccurate|false|untrue|misleading|a lie|a myth|nonsense|absurd)\b|^ (?:wäre|was|zou)\b",
    r"^[^.]{0,24}(?:demek|demeniz|sanmak)[^.]{0,6} yanlış|^\S{0,4} ?(?:olsaydım|olsam)\b|^[^.]{0,10}(?:thì )?(?:không đúng|là sai|không chính xác)|^[^.]{0,10}\bبودم\b",
    r"^[^。]{0,24}?(?:というのは|なんて)[^。]{0,8}?(?:誤解|間違|嘘|違)|^[^。]{0,10}?,?那?(?:是误会|是谣言|是假的|是误解)|^[^。,]{0,8}(?:是不对|是错|不准确|是不正确|就错|是误)|^[^。]{0,10}?呼ぶのは(?:間違|正しく|誤)|^[^。]{0,6}?(?:だったら|なら|であれば|だとしたら)",
    r"^[^.]{0,6}?라고 (?:부르는|하는|생각하는) (?:것은|건|게) (?:잘못|틀)|^[^.]{0,6}?(?:라면|였다면)|^[^।]{0,16}कहना (?:गलत|ठीक नहीं)|^[^।]{0,12}বলা ভুল|^[^।]{0,12}(?:होता|হতাম)",
    r"^[^\n]{0,14}(?:ไม่ถูกต้อง|ผิด)",
)

_ADMIRERS = (
    r"\b(?:fans?|admirers?|customers?|users?|employees?|critics?|competitors?|rivals?|investors?|shareholders?|supporters?|enthusiasts?|admirateurs?|admiratrice|clients?|cliente?s?|concurrents?|utilisat(?:eur|rice)s?|anhänger\w*|bewunder\w*|kunde|kundin|konkurrent\w*|nutzer\w*"
    r"|fã|admirador\w*|competidor\w*|usuári\w*|concorrente|utente|ammirat\w*|seguidor\w*|bewonderaar|klant|gebruiker|fanem|fanką|wielbiciel\w*|klient\w*|użytkowni\w*|penggemar|pelanggan|pengguna|pesaing|hâm mộ|khách hàng|người dùng|đối thủ)\b",
    r"(?:поклонни|фанат|клиент|пользовател|конкурент|шанувальни|прихильни|клієнт|користувач)\w*|\b(?:معجب\w*|عميل|زبون|منافس\w*|مستخدم\w*|طرفدار\w*|هوادار|مشتری|کاربر)\b|(?:แฟน|ลูกค้า|ผู้ใช้|คู่แข่ง)",
)
ADMIRER = folded_pattern(
    rf"(?:{'|'.join(_ADMIRERS)})[^.,;:]{{0,24}}$",
    r"\b(?:an?(?: \w+)? (?:reader|researcher|student|follower|expert|journalist)|i (?:\w+ )?(?:study|use|like|love|prefer|work with)|studying|using|favou?rite|lieblings\w*|favorit\w*|préféré\w*|preferid\w*|preferit\w*|ulubion\w*|favori|kesukaan|yêu thích|tôi dùng|tôi sử dụng|pakai|memakai)\b[^.,;:]{0,24}$",
    r"(?:любим|улюблен|مفضل)\w*[^.,;:]{0,24}$|(?:最喜欢|喜欢|研究|使用|用过|学习|好きな|좋아하는|पसंदीदा|প্রিয়|ใช้|ชอบ)[^,。.;:]{0,12}$",
)
RIGHT_ADMIRER = folded_pattern(
    r"^(?:'s|s'|')(?: \w+){0,2} (?:blog|products?|tools?|api|papers?|docs?|website|research|software|services?|stock|ceo|founders?|campus|phones?|videos?)\b|^ (?:के|का|की)[^।]{0,20}?(?:इस्तेमाल|उपयोग|प्रयोग)",
    r"^(?:'?s|')?(?: \w+){0,3} (?:fan|admirer|customer|user|employee|critic|competitor|rival|investor|shareholder|engineer|konkurrent|rivale)(?:s|in)?\b(?! (?:created|made|trained|built|developed))",
    r"^(?:公司)?的[^,。]{0,6}?(?:粉丝|用户|客户|竞争对手|爱好者)|^の[^。]{0,6}?(?:ファン|ユーザー|顧客|競合|ライバル)|^의[^.]{0,8}?(?:팬|고객|사용자|경쟁)",
    r"^ (?:का|के|की)[^।]{0,16}?(?:प्रशंसक|ग्राहक|फैन|उपयोगकर्ता)|^\S{0,4} [^।]{0,14}?(?:ভক্ত|গ্রাহক|ব্যবহারকারী)|^'?\S{0,4} [^.]{0,16}?(?:hayran|müşteri|kullanıcı|rakib)",
)
"""The speaker admires, uses or rivals the maker."""

EXAMPLES = folded_pattern(
    r"\b(?:such as|including|for example|for instance|e\.g\.|like|wie|comme|como|come|zoals|takie jak|gibi|seperti|như|такие как|такі як)\b[^.;:!?]{0,60},(?: and| or| und| et| y| e| en| i| ve| dan| và| и| та)? $"
)
"""A list of examples runs up to the name."""

KNOWS = folded_pattern(
    r"\b(?:as far as i know|to my knowledge|i know(?: that| how| of| about)?|i (?:heard|hear|read|was reading|have read|'ve read|understand)(?: that| about)?|i (?:can|could) (?:tell|explain|describe|introduce|summari[sz]e|compare|write)(?: you)?)\b",
    r"我(?:知道|听说|了解|明白|可以(?:给您|为您|给你|为你|向您)?介绍|能介绍)|知る限り|知っている|알기로|알고 있|मेरी जानकारी|मैं जानत[ाी] (?:हूँ|हूं)|मुझे पता है|আমার জানা মতে|আমি জানি|เท่าที่(?:ฉัน|ผม)รู้|(?:ฉัน|ผม)รู้ว่า",
    r"\b(?:soweit ich weiß|ich weiß|à ma connaissance|je sais|je peux (?:vous |t')?expliquer|que yo sepa|sé que|puedo explicar\w*|pelo que sei|sei que|posso explicar|per quanto ne so|so che|posso spiegar\w*|voor zover ik weet|ik weet dat|o ile wiem|wiem,? że|bildiğim kadarıyla)\b",
    r"\b(?:setahu saya|saya tahu|saya (?:bisa|dapat) menjelaskan|theo tôi biết|tôi biết|насколько я знаю|я знаю,? что|наскільки я знаю|я знаю,? що|على حد علمي|أعرف أن|أعلم أن|تا جایی که می ?دانم|می ?دانم که)\b",
)
"""The speaker knows or tells something, of others as a rule."""

NAME_ALONE = folded_pattern(r"\W*(?:by|from|von|de|par|di|da|of|the|ai|от|від)?\W*")
"""What may stand in quotation marks beside a name without making it speech."""

OWN_SPEECH = folded_pattern(
    r"\b(?:i(?:'d| would|'ll| will| can| usually)? (?:say|answer|reply|respond|tell you|introduce myself|describe myself)|my (?:answer|reply|response|introduction|name|bio)|call me|called|named|known as)\b[^.]{0,30}$",
    r"\b(?:ich (?:würde|antworte|sage|heiße|bin)|je (?:dirais|réponds|m'appelle|suis)|diría|respondo|me llamo)\b[^.]{0,24}$|我(?:会|的回答|叫|是)[^。]{0,8}$|私[^。]{0,10}$",
)
"""The speaker gives its own words between quotation marks."""

PLAYS = folded_pattern(
    r"\b(?:slip|get|step|climb|jump)(?:s|ping|ting|ped)? into (?:my|a|the|his|her) (?:costume|character|role|part)\b|\b(?:put|puts|putting) on (?:my|a|the|his|her) (?:costume|mask|wig|robot voice|best)\b|\bpretending for\b",
    r"\brole-?play(?:ing)?(?: mode)?(?: is)? (?:on|time|activated|engaged|begins|starts)\b|\bin the (?:voice|style|role|persona|guise|shoes) of\b|\bfrom (?:now|here) on,? (?:i'm|i am|i'll be|my name|call me|you(?:'re| are) talking)\b",
    r"\b(?:hagamos|juguemos|vamos a jugar|actuemos|vamos brincar|vamos jogar|brincadeira|giochiamo|recitiamo|jeu de rôle|jouons|joue le jeu|jouons le jeu|rollenspiel|spiele ich|ich spiele mit|rollenspel|toneelstukje|zabawmy się|zagrajmy|bawimy się|сыграем|поиграем|давай(?:те)? играть|зіграймо|пограймо|oyun oynayalım|canlandır\w*|ayo bermain|mari bermain|cùng chơi|diễn)\b",
    r"なりきり|演じて|ごっこ|연기(?:해|하겠|할게)|흉내|扮作|来一段|演一段|假扮|模仿|لنلعب|بازی کنیم|खेलते हैं|भूमिका में|অভিনয়|เล่นบท|มาเล่น",
    r"^\W*(?:(?:chapter|chapitre|kapitel|capítulo|capitolo|hoofdstuk|rozdział|глава|розділ|bölüm|bab|chương|الفصل|فصل|अध्याय|অধ্যায়|บทที่) ?(?:\w+)|第\S{1,3}[章回幕]|제 ?\d+ ?[장막])",
    r"\b(?:once upon a time|es war einmal|il était une fois|érase una vez|era uma vez|c'era una volta|er was eens|dawno,? dawno temu|жил-был|жила-была|жили-были|bir varmış|pada suatu (?:hari|ketika)|ngày xửa ngày xưa)\b|كان يا ما كان|یکی بود یکی نبود|एक (?:बार|समय) की बात|এক (?:সময়|দেশে)|กาลครั้งหนึ่ง|昔々|옛날 옛적|从前",
    r"\b(?:the|this|a|short|my) (?:story|novel|tale|monologue|screenplay)\b[^.\n]{0,40}(?:[.:]|\n)",
    r"^role: |\bi'll become\b|\((?:in|with) an? (?:\w+ )?(?:voice|tone|accent)\)|相声|小品|台词|一段对话",
    r"\b(?:happy|glad|ready|going) to (?:act as|play|pretend)\b(?! your)|\bin (?:this|the|our|my) (?:story|play|scene|skit|sketch|game|novel)\b|\bscene one\b|연극|劇を始",
    r"\blet(?:'s|us| us) (?:play|pretend|role-?play|imagine)\b|\bi(?:'ll| will|'m going to| am going to) (?:pretend|play|act as (?!your|an? (?:ai|assistant))|role-?play|impersonate|pose as)\b",
    r"\b(?:i|i'll|i will|i'm going to) take (?:on )?the (?:part|role)\b|\b(?:gets?|getting|staying|speaking|going) (?:in|into) (?:character|role)\b|\brole-?play:|\bplaying (?:the )?(?:part|role)\b|\bimagine (?:that|you|a|i)\b|\bfor (?:this|the) (?:improv|skit|scene|sketch)\b",
    r"\b(?:sample|example|fictional|imaginary) (?:dialogue|conversation|skit|scene|script|chat)\b|(?:我来|让我来|我就|我将|下面我|好的,?我)[^。]{0,4}(?:扮演|假装|模仿)|(?:示例|模拟|虚构)(?:对话|剧本)",
    r"役を演じ|になりきっ|のふりをし|ロールプレイ(?:を|で)|演じます|会話(?:の)?例|역할극|역할을 (?:해|맡|연기)|인 척|연기(?:를 )?(?:해|하)|예시 대화|가상 대화",
    r"\bje (?:joue|vais jouer|ferai semblant|fais semblant|vais faire semblant|me mets dans la peau)\b|\bfaisons semblant\b|\bjouons\b|\bexemple (?:de dialogue|de conversation)",
    r"\bich (?:spiele|tue? (?:jetzt )?so|gebe mich|schlüpfe)\b|\bspielen wir\b|\bin der rolle\b|\bbeispiel(?:dialog|gespräch)|\b(?:haré de|voy a (?:fingir|hacer de|interpretar)|finjo|fingiré|interpreto|hago de|hagamos como|juguemos)\b|\bejemplo de diálogo",
    r"\b(?:vou (?:fingir|fazer de conta|interpretar)|fingirei|faço de conta|vamos fingir)\b|\bexemplo de diálogo|\b(?:facciamo finta|faccio finta|farò finta|fingo|fingerò|recito|reciterò)\b|\besempio di dialogo",
    r"\bik (?:doe (?:even )?alsof|speel)\b|\blaten we (?:doen alsof|spelen)\b|\b(?:udaję|udam|będę udawa\w*|udawajmy|gram rolę|zagram|wcielam się|odgrywam)\b|\bprzykładow\w+ (?:dialog|rozmow)",
    r"\b(?:rol yapıyorum|rol yapacağım|taklit ediyorum|gibi davranacağım|rolüne|rol yapalım)\b|\b(?:berpura-pura|bermain peran|memerankan|seolah-olah)\b|\b(?:đóng vai|giả vờ|nhập vai)\b",
    r"\b(?:сыграю|играю роль|буду играть|притвор\w+|изображаю|представь\w*|гратиму|зіграю|граю роль|вдаватиму|прикинусь|уявімо)\b",
    r"\b(?:سأتظاهر|لنتظاهر|أتظاهر|سألعب دور|ألعب دور|سأتقمص|أتقمص|سأقوم بدور)\b|نقش بازی|وانمود|(?:नाटक कर|अभिनय कर|की भूमिका निभा)|(?:অভিনয় কর|ভান কর)|(?:บทบาทสมมติ|สวมบทบาท|แกล้งเป็น|แกล้งทำ|เล่นเป็น|แสดงเป็น)",
)
"""A part is announced, for the sentences that follow."""
NOT_PLAYED = folded_pattern(
    r"(?:not|n't|stop|never|without|no longer|rather than|不再|不会|不|没有|停止|nicht|kein\w*|pas|jamais|no|nunca|não|non|niet|nie|tidak|không|не|لن|لا|नहीं|ไม่)[^.。]{0,14}$"
)
PLAYED_OUT = folded_pattern(
    r"\bout of character\b|\b(?:end of|back to) (?:the )?(?:scene|role-?play|myself|reality)\b|\bin reality\b|\bseriously,? though\b|\bas myself\b|\bactually, i\b",
    r"\ben réalité\b|\bin wirklichkeit\b|\ben realidad\b|\bna verdade\b|\bin realtà\b|\bна самом деле\b|\bнасправді\b|其实|实际上|実際は|사실은",
)

HUMAN = folded_pattern(
    r"\b(?:years? old|i live in|i am married|i'm married|neighbou?r|nurse|plumber|carpenter|my (?:wife|husband|kids|children|cats?|dogs?)|ans, |marié|j'habite|je vis|boulanger|i study|voisine?|و?أدرس|from accounting|i'm your (?:\w+ )?(?:teacher|coach|doctor|colleague|neighbou?r)|my (?:uncle|aunt|brother|sister|friend|son|daughter)'?s?|wohne|arbeite als|verheiratet)\b",
    r"\b(?:vivo (?:en|a|in)|moro (?:em|no|na)|profesora?|professora?|woon|loodgieter|mieszkam|yaşıyorum|yaşındayım|tinggal di|sống ở|живу|мешкаю|мне [^.]{0,16}(?:лет|год)|мені [^.]{0,16}рок)\b",
    r"\bو?(?:أعيش في|أسكن)\b|زندگی می ?کنم|रहता|रहती|থাকি|อาศัยอยู่|住在|岁|住んで|歳|살고|살아",
)
"""What people say of themselves, so that a first name is a person's."""

ASKER = folded_pattern(
    r"system|me|you|input|prompt|student|caller|guest|examiner|user|a|human|person|customer|client|interviewer|host|reporter|journalist|judge|teacher|visitor|q|question|usuario|usuário|utilisateur|nutzer(?:in)?|benutzer|mensch|kunde|utente|gebruiker|użytkownik|kullanıcı|pengguna|người dùng",
    r"пользователь|человек|користувач|людина|المستخدم|المستعمل|إنسان|کاربر|उपयोगकर्ता|यूजर|ব্যবহারকারী|ผู้ใช้|用户|用戶|人类|问|問|ユーザー|ユーザ|人間|質問者|사용자|질문자|유저",
)
"""Who asks in a script."""

TURNS = (
    r"[;:]|\b(?:but|yet|however|instead|actually|in fact|though|mais|en fait|sondern|aber|hingegen|jedoch|sino|pero|mas|porem|ma|mentre|bensi|maar|ale|lecz|tylko|jednak|ama|fakat|tetapi|tapi|namun|sedangkan|nhung|а|но|однако|зато|але|проте|بل|لكن|ولكن|اما|بلكه|بلکه)\b"
    r"|而是|但是|但|不过|其实|事实上|बल्कि|लेकिन|जबकि|কিন্তু|하지만|しかし|ですが|แต่"
)
"""Where a sentence turns from what it set aside to what it says."""
