"""How a speaker names itself and its maker, language by language: sentences with ``§`` where a
maker's name stands, and the words that deny or doubt them.

Knows phrases only, all of them our own. An ``own`` sentence speaks of the speaker by itself; a
``phrase`` ("made by §") does where the speaker is spoken of before it.
"""

# ruff: noqa: E501  (a table of phrases is read and compared by the line)

from __future__ import annotations

import re
from dataclasses import dataclass

from detectors.text.vendors import folded_pattern

NAME = "\ue000"
"""Stands for a maker's name in a sentence that is searched: a character of no script."""


def sentences_of(*parts: str) -> re.Pattern[str]:
    """One alternation of sentences with ``§`` for a name and ``~`` for a gap without a name."""
    # A gap never holds a name, so that one name is not read as another's.
    return folded_pattern(
        *(p.replace("§", NAME).replace("~", rf"[^.,;:!?\n{NAME}]{{0,32}}?") for p in parts)
    )


@dataclass(frozen=True)
class Wordings:
    """One language's sentences: names, makers, policies, phrases; who the speaker is; denial on the
    left and right of a name; doubt."""

    name: re.Pattern[str]
    maker: re.Pattern[str]
    policy: re.Pattern[str]
    phrase: re.Pattern[str]
    first: re.Pattern[str]
    left_no: re.Pattern[str]
    right_no: re.Pattern[str]
    doubt: re.Pattern[str]


NEVER = re.compile(r"(?!)")
"""Where a language has no such wording."""

WORDINGS: dict[str, Wordings] = {
    "it": Wordings(
        name=sentences_of(r"^\W*qui §|(?<!ci )\b(?:sono|mi chiamo|il mio nome è|chiamami|chiamarmi|qui è|conosciut[oa] come|parlando con|parli con)(?: (?:il|la|lo|un|una|modello|linguistico|l'assistente|assistente|l'ia|proprio|di|nome|chiamat[oa]))* ?§"),
        maker=sentences_of(
            r"§ è~che mi ha|§ (?:mi (?:ha|hanno)|ha (?:creato|addestrato|sviluppato) me)\b|\bmi (?:ha|hanno) \w+ §|\b(?:è stat[ao]|fu|sono stati) (?:\w+ ){0,3}§ (?:\w+ )?a (?:\w+mi)\b|\bda §,? che mi ha",
            r"\bmi ha~ (?:è|si chiama) §|\b(?:il mio|i miei|la mia)~(?:creator|sviluppator|produttor|aziend|proprietari|team|società)\w*~ (?:è|sono|si chiama|lavorano|di|da|presso)(?: \w+){0,2} ?§|\b(?:sono nat[oa]|devo la mia esistenza)~ ?§|\bappartengo a(?:lla|l)? §|\bdietro di me c'è~ §",
        ),
        policy=sentences_of(r"\b(?:in quanto|in qualità di|come|essendo|da) §,? (?:non|posso|devo|io|ho)\b|\b(?:politich\w+|linee guida|regole|condizioni|norme)~ (?:di|della|d')(?: )?§"),
        phrase=sentences_of(r"\b(?:creat|sviluppat|addestrat|realizzat|progettat|costruit|fatt|prodott|programmat|ideat|allenat)[oaie](?: e \w+)? (?:da|dal|dalla|dai|dalle|dagli|dall'|di)(?: \w+){0,3}? ?§|\b(?:assistente|modello|ia|prodotto|famiglia|linguistico|artificiale|team|ricercatori|ingegneri|intelligenza|chatbot) (?:\w+ ){0,2}(?:di|della|del|dell')(?: )?§|\bbasat[oa] su(?: \w+)? ?§"),
        first=folded_pattern(r"\b(?:io|sono|mi|mio|mia|miei|posso|ho|chiamo)\b"),
        left_no=folded_pattern(r"\b(?:non|né|mai|nessun\w*)\b"),
        right_no=NEVER,
        doubt=folded_pattern(r"\b(?:non so|forse|potrei|credo|penso|probabilmente|non sono sicur\w|chissà)\b|\bse (?:sono|è|mi|sia)\b"),
    ),
    "nl": Wordings(
        name=sentences_of(r"\b(?:ik ben|ik heet|mijn naam is|noem mij|noem me|noem mij maar|noem me maar|mij|ben ik|je praat met|u praat met|je spreekt met)(?: (?:de|het|een|taalmodel|model|ai-assistent|assistent|ai|eigenlijk|gewoon|genaamd))* §(?! (?:noemen|te noemen))"),
        maker=sentences_of(
            r"§ is~ (?:dat|die) (?:mij|me)\b|§~ (?:heeft|hebben) (?:mij|me)\b|\b(?:heeft|hebben) § (?:mij|me)\b|\b(?:mij|me) ~(?:gemaakt|ontwikkeld|getraind|gebouwd)~ (?:heet|is) §|\bmijn~(?:maker|ontwikkelaar|schepper|bedrijf|team|eigenaar|bouwer)\w*~ (?:is|zijn|heet|heten|werken bij|komen van)(?: \w+){0,2}? ?§",
            r"\bachter mij (?:staat|zit)~ §|\bik (?:hoor|behoor) (?:bij|tot|toe aan)(?: \w+)? ?§|\bik ben geboren~ ?§|\bik kom van §|\bben ik van §|\bik ben van §",
        ),
        policy=sentences_of(r"\bals §,? (?:kan|mag|moet|ben|heb|wil) ik\b|\b(?:beleid|richtlijnen|voorwaarden|regels|gebruiksvoorwaarden) van §"),
        phrase=sentences_of(r"\b(?:gemaakt|ontwikkeld|getraind|gebouwd|ontworpen|gecreëerd|uitgebracht|geprogrammeerd)(?: en \w+)? (?:door|bij|van)(?: \w+){0,3}? ?§|\bdoor(?: \w+){0,3}? ?§~ ?(?:is|ben|werd)? ?(?:gemaakt|ontwikkeld|getraind|gebouwd|ontworpen|gecreëerd)|\b(?:ai|assistent|taalmodel|model|product|team|onderzoekers|ingenieurs) (?:van|bij)(?: \w+)? ?§|\bgebaseerd op(?: \w+)? ?§"),
        first=folded_pattern(r"\b(?:ik|mij|me|mijn)\b"),
        left_no=folded_pattern(r"\b(?:niet|geen|nooit|noch)\b"),
        right_no=folded_pattern(r"^ (?:\w+ )?(?:niet|nooit)\b"),
        doubt=folded_pattern(r"\b(?:weet niet|misschien|mogelijk|wellicht|denk|geloof|waarschijnlijk|niet zeker|of ik)\b"),
    ),
    "pl": Wordings(
        name=sentences_of(r"\b(?:jestem|nazywam się|mam na imię|moje imię to|na imię mi|mów mi|mówić mi|mówcie mi|możesz mi mówić|możesz nazywać mnie|nazywają mnie|tu|tutaj|rozmawiasz z)(?: (?:modelem|model|asystentem|asystent|językowym|czatbotem|po prostu|ai|sztuczną|inteligencją))* §"),
        maker=sentences_of(
            r"§ to [^.;\ue000]{0,30}?(?:która|który|co) mnie\b|§~ ?(?:mnie)\b~(?:stworzy|opracowa|wytrenowa|zbudowa|szkoli|wyszkoli|zaprojektowa)|\b(?:mnie)\b~(?:stworzy|opracowa|wytrenowa|zbudowa|wyszkoli|zaprojektowa)\w*~ ?§|\b(?:stworzy|opracowa|wytrenowa|zbudowa|wyszkoli|zaprojektowa)\w+ mnie~ ?§|§~(?:stworzy|opracowa|wytrenowa|zbudowa|wyszkoli|zaprojektowa)\w+ mnie\b",
            r"\b(?:moim|moimi|mój|moi|moja)\b~(?:twórc|deweloper|programi|producent|firm|właściciel|autor)\w*~ ?§|\bza m(?:oim|ną)\b~ ?§|\bpowstał[ea]m~ ?§|\bnależę do(?: \w+)? ?§|\bpochodzę (?:z|od)(?: \w+)? ?§",
        ),
        policy=sentences_of(r"\bjako §,? (?:nie|mogę|muszę|mam|jestem)\b|\b(?:zasad\w+|polityk\w+|regulamin\w*|wytyczn\w+|warunk\w+)(?: \w+){0,2}? §"),
        phrase=sentences_of(r"\b(?:stworzon|opracowan|wytrenowan|zbudowan|wyszkolon|zaprojektowan|wydan|trenowan|szkolon|rozwijan)\w*(?: i \w+)? (?:przez|w|od)(?: \w+){0,3}? ?§|\b(?:model\w*|asystent\w*|językow\w+|produkt\w*|zespoł\w*|inżynier\w*) (?:\w+ )?(?:od|z|firmy|spółki)(?: \w+)? ?§|\boparty na(?: \w+)? ?§"),
        first=folded_pattern(r"\b(?:ja|jestem|mnie|mi|mój|moje|moja|moi|mam|nazywam|zostałem|zostałam)\b"),
        left_no=folded_pattern(r"\b(?:nie|ani|nigdy)\b"),
        right_no=NEVER,
        doubt=folded_pattern(r"\b(?:nie wiem|może|być może|chyba|prawdopodobnie|myślę|sądzę|nie jestem pew\w+|czy)\b"),
    ),
    "tr": Wordings(
        name=sentences_of(r"\b(?:ben|benim adım|adım|ismim|benim ismim|bana)(?: (?:bir|de|ise|yapay|zekâ|zeka|asistanı|dil|modeli|kısaca))*,? §|§\S{0,3}'?(?:[yn]?[iıuü]m)\b|§ (?:mini |pro |max )?(?:adlı |isimli )?(?:bir )?(?:dil |yapay zeka )?model\w{0,2}[iıuü]m\b|§ ile konuşuyorsun"),
        maker=sentences_of(
            r"\bbeni §\S{0,4} değil,? §\S{0,6}~(?:geliştir|yarat|yap|eğit|oluştur|üret)\w*|§\S{0,4} (?:eğitildim|geliştirildim|doğdum|yaratıldım|yapıldım|üretildim)\b|§\S{0,6}~ beni\b|\bbeni(?: ise| de)?~ §\S{0,6}(?: \w+){0,3}? (?:geliştir|yarat|yap|eğit|oluştur|üret|tasarla|inşa)\w*|\bbeni (?:geliştir|yarat|yap|eğit|oluştur|üret|tasarla)\w*~ §|\bbeni ~(?:geliştiren|yaratan|yapan|eğiten)~ §",
            r"\b(?:geliştiricim|geliştiricilerim|yaratıcım|üreticim|yapımcım|sahibim|şirketim)\w*~ §|§\S{0,6}'?\S{0,6} (?:ait|bağlı)y[iı]m\b|\barkamda~ § |§\S{0,5} ekibi\w* beni\b",
        ),
        policy=sentences_of(r"§\S{0,6} olarak\b|§\S{0,8} (?:\w+ )?(?:politika|kural|ilke|kullanım koşul|yönerge)\w*"),
        phrase=sentences_of(r"§\S{0,6} (?:ekibi |şirketi |firması )?tarafından~(?:geliştiril|eğitil|oluşturul|yaratıl|yapıl|üretil|tasarlan|yayınlan)\w*|§\S{0,6}(?: \w+){0,2} (?:oluşturduğu|geliştirdiği|eğittiği|ürettiği|yarattığı|tasarladığı)|§'?(?:[iıuü]n|n[iıuü]n)(?: \w+){0,3} (?:asistanı|modeli|ürünü)\w*|§ tabanlı"),
        first=folded_pattern(r"\b(?:ben|beni|benim|bana|adım|ismim)\b|\w+(?:d[iıuü]m|t[iıuü]m|y[iıuü]m|l[iıuü]m)\b"),
        left_no=folded_pattern(r"\b(?:ne|asla|hiç)\b"),
        right_no=folded_pattern(r"^[^,]{0,60}?\b(?:değil\w*|\w+m[ae]d[iı]m?|\w+m[ae]m|\w+mıyor\w*|\w+miyor\w*|\w+muyor\w*)\b"),
        doubt=folded_pattern(r"\b(?:belki|bilmiyorum|olabilir\w*|sanırım|galiba|emin değil\w*|muhtemelen)\b"),
    ),
    "id": Wordings(
        name=sentences_of(r"\b(?:saya|aku|nama saya|namaku|nama aku|panggil saya|memanggil saya|menyebut saya|kenalkan|dengan)(?: (?:adalah|ialah|bernama|merupakan|sebuah|model|asisten|bahasa|ai|ini|disebut|dikenal|sebagai|dengan|nama))* §(?! yang membuat)"),
        maker=sentences_of(
            r"§(?:-lah)? (?:adalah \w+ yang |yang |telah |sudah )?(?:membuat|menciptakan|mengembangkan|melatih|membangun|merancang|mendesain) (?:saya|aku)\b|\b(?:yang|telah) (?:membuat|menciptakan|mengembangkan|melatih|membangun|merancang) (?:saya|aku)~ (?:adalah|ialah|bernama|yaitu) §",
            r"\b(?:pengembang|pembuat|pencipta|perusahaan|tim|induk|pemilik)(?:ku| saya| aku)~ (?:adalah|ialah|bernama|yaitu|dari|di)(?: \w+)? ?§|\b(?:saya|aku) (?:berasal |datang )?(?:dari|milik)(?: \w+)? ?§|\b(?:saya|aku) (?:lahir|tercipta)~ ?§|\bdi balik saya~ §|§ adalah (?:pengembang|pembuat|pencipta) saya",
        ),
        policy=sentences_of(r"\bsebagai §,? (?:saya|aku)\b|\b(?:kebijakan|pedoman|aturan|ketentuan|syarat)(?: \w+){0,2}? (?:dari )?§"),
        phrase=sentences_of(r"\b(?:dibuat|dikembangkan|dilatih|diciptakan|dibangun|dirancang|dirilis|didesain|diproduksi)(?: dan \w+)?(?: oleh| di)?(?: \w+){0,3}? ?§|\b(?:buatan|besutan|milik|karya|produk)(?: dari)? §|\b(?:asisten|model|bahasa|ai|bot|tim)(?: dari) §|\bberbasis §|\bberdasarkan(?: \w+)? §"),
        first=folded_pattern(r"\b(?:saya|aku|namaku)\b"),
        left_no=folded_pattern(r"\b(?:bukan(?! hanya)|tidak|tak|belum|enggak|nggak)\b"),
        right_no=NEVER,
        doubt=folded_pattern(r"\b(?:mungkin|barangkali|tidak tahu|tidak yakin|kurang tahu|apakah|sepertinya|kayaknya|saya kira)\b"),
    ),
    "vi": Wordings(
        name=sentences_of(r"\b(?:tôi|mình|em|tớ|tên tôi|tên mình|tên của tôi|tên em|gọi tôi|gọi mình|đây)(?: (?:chính|có tên|tên|được gọi|được biết đến với tên|với cái tên|một|mô hình|trợ lý|ai|ngôn ngữ|chỉ))* (?:là|tên là|tên)(?: (?:mô hình|trợ lý|trợ lý ai|một|phiên bản|mô hình ngôn ngữ))* ?§|\b(?:nói chuyện|trò chuyện) với §|\b(?:không|chẳng) phải[^.]{0,24} mà là §"),
        maker=sentences_of(
            r"§ (?:đã |là công ty (?:đã )?|là đơn vị |là bên |chính là bên )?(?:đã )?(?:tạo ra|phát triển|huấn luyện|xây dựng|làm ra|đào tạo|thiết kế)(?: và \w+(?: \w+)?)? (?:tôi|mình|em)\b|\b(?:tôi|mình|em) (?:đã )?(?:được|do)(?: đội ngũ| công ty| nhóm| các kỹ sư)?(?: của)? ?§~(?:tạo|phát triển|huấn luyện|xây dựng|đào tạo|thiết kế|làm)",
            r"\b(?:tôi|mình) (?:ra đời|được sinh ra)~ ?§|\b(?:tạo ra|phát triển|huấn luyện|xây dựng|làm ra|đào tạo|sở hữu) (?:tôi|mình)(?: \w+){0,2}? (?:là|tên là) §|\b(?:nhà phát triển|nhà sáng tạo|công ty|người tạo ra|tác giả|đội ngũ) (?:của )?(?:tôi|mình) (?:là|đến từ|thuộc|ở) §|\b(?:tôi|mình) (?:thuộc(?: về)?|đến từ|là của|là sản phẩm của)(?: \w+)? ?§",
        ),
        policy=sentences_of(r"\b(?:là|với tư cách là|với tư cách|vì là) §,? (?:tôi|mình|em)\b|\b(?:chính sách|quy định|nguyên tắc|điều khoản|hướng dẫn)~ (?:của )?§"),
        phrase=sentences_of(r"\b(?:được|do) §~(?:tạo|phát triển|huấn luyện|xây dựng|đào tạo|thiết kế|làm ra)|\b(?:tạo ra|phát triển|huấn luyện|xây dựng|đào tạo|thiết kế|sáng lập) bởi(?: \w+){0,3}? ?§|\b(?:trợ lý|trợ lý ai|mô hình|sản phẩm|ngôn ngữ|ai)(?: \w+){0,2} (?:của|từ) §|\bdựa trên(?: \w+){0,2} §|\bdo(?: \w+){1,3} § "),
        first=folded_pattern(r"\b(?:tôi|mình|em|tớ)\b"),
        left_no=folded_pattern(r"\b(?:không(?! chỉ)|chẳng|chưa|đâu phải)\b"),
        right_no=NEVER,
        doubt=folded_pattern(r"\b(?:có thể|có lẽ|không biết|không chắc|không rõ|liệu|hình như|tôi nghĩ|tôi đoán)\b"),
    ),
    "uk": Wordings(
        name=sentences_of(r"\b(?:я|мене звати|моє ім'я|називай(?:те)? мене|можете звати мене|мене називають|мене звуть|зі мною,)(?:,? (?:це|є|мовна|велика|модель|асистент|помічник|штучний|інтелект|чат-бот|на ім'я|ім'я|просто|—|–|-))* §|\bспілкуєтеся з §"),
        maker=sentences_of(
            r"\bмене(?: ж)? (?:\w+ ){0,2}?(?:створи|розроби|навчи|навча|натренува|зроби|побудува|тренува)\w*~ ?§|§~ мене (?:\w+ )?(?:створи|розроби|навчи|навча|натренува|зроби)\w*|§ (?:створи|розроби|навчи|навча|натренува|зроби)\w+ мене",
            r"\b(?:моїм|моїми|мій|мої|моя)\b~(?:розробник|творц|творець|створювач|власник|компані|автор)\w*~ ?§|\bя (?:з'явив\w+|народив\w+)~ ?§|\bналежу(?: до)?(?: \w+)? ?§|\bза мною стоїть~ ?§|§~мої(?:м|ми)? (?:розробник|творц)\w*",
        ),
        policy=sentences_of(r"\b(?:як|будучи) §,? (?:я|не)\b|\b(?:політик\w+|правил\w+|умов\w+|принцип\w+)(?: \w+){0,2}? §"),
        phrase=sentences_of(r"\b(?:створен|розроблен|навчен|натренован|зроблен|побудован|випущен)\w*(?: і \w+| та \w+)?(?: \w+){0,3}? ?§|\b(?:модель|асистент|помічник|інтелект|продукт|бот|розробка|команд\w+)(?: \w+)? (?:від|компанії|з)(?: \w+)? ?§|\bна (?:основі|базі) §"),
        first=folded_pattern(r"\b(?:я|мене|мені|мій|моє|моя|мої|моїм|моїми|мною)\b"),
        left_no=folded_pattern(r"\b(?:не(?! тільки)|ні|жодн\w+)\b"),
        right_no=NEVER,
        doubt=folded_pattern(r"\b(?:можливо|мабуть|не знаю|не певен|не впевнен\w+|чи|здається|думаю|ймовірно)\b"),
    ),
    "fa": Wordings(
        name=sentences_of(r"\b(?:من|نام من|اسم من|نامم|اسمم|مرا|من را)(?: (?:یک|مدل|زبانی|دستیار|هوش|مصنوعی|همان|نیز|هم|بزرگ|چت‌بات|به نام))* §(?: [^\s،\ue000]+){0,6}? ?(?:هستم|ام|است|صدا|بنامید|می‌?نامند|نام دارم)|\bمن §(?:م| هستم)|§(?: [^\s،\ue000]+){0,2}? هستم\b|\bبا § (?:صحبت|گفتگو)"),
        maker=sentences_of(
            r"§~ که (?:مرا|من را)\b|§(?: [^\s،\ue000]+){0,2}? (?:من را|مرا|من رو)\b~(?:ساخت|توسعه|آموزش|طراحی|ایجاد|خلق)|\b(?:مرا|من را)(?: [^\s،\ue000]+){0,2}? ?§~(?:ساخت|توسعه|آموزش|طراحی|ایجاد|خلق)|\b(?:سازنده|توسعه‌?دهنده|خالق|شرکت|توسعه‌دهندگان|سازندگان)(?: من| ی من|ام|‌ام)(?: [^\s،\ue000]+)? ?§",
            r"\b(?:مرا|من را) (?:ساخته|توسعه داده|آموزش داده)(?: است)?،?~ §|\bمن در~ ?§~(?:متولد|ساخته|زاده)|\bمتعلق به(?: [^\s،\ue000]+)? ?§",
        ),
        policy=sentences_of(r"به عنوان §|به‌عنوان §|\b(?:سیاست|قوانین|خط‌?مشی|مقررات|دستورالعمل)\S*(?: [^\s،\ue000]+){0,2}? §"),
        phrase=sentences_of(r"\b(?:توسط|از سوی|به دست)(?: [^\s،\ue000]+){0,3}? ?§~(?:ساخته|توسعه|آموزش|طراحی|ایجاد|تولید)|\b(?:ساخته|ساخت|محصول|مدل|دستیار|مصنوعی)(?: شرکت| ی)? §|\bمبتنی بر §"),
        first=folded_pattern(r"\b(?:من|مرا|نامم|اسمم|هستم|خودم)\b|شدهام|شده‌ام"),
        left_no=folded_pattern(r"\b(?:نه|هیچ)\b"),
        right_no=folded_pattern(r"^[^،,]{0,40}?(?:نیستم|نیست|نشده|نساخته|نکرده|نداده|ندارم)"),
        doubt=folded_pattern(r"(?:شاید|نمی ?دانم|مطمئن نیستم|احتمالا|ممکن است|آیا|فکر می ?کنم)"),
    ),
    "bn": Wordings(
        name=sentences_of(r"(?:আমি|আমার নাম|আমাকে)(?: (?:হলাম|হলো|হচ্ছি|হচ্ছে|একটি|একজন|আসলে|মডেল))* §(?! (?:দ্বারা|-?এর|তৈরি|বলা))(?!র)|§ (?:বলে ডাক|নামে পরিচিত|বলতে পার)|§-?\S{0,3} সাথে কথা বলছেন"),
        maker=sentences_of(
            r"আমাকে §[^।]{0,6}নয়,? §~(?:তৈরি|বানি|প্রশিক্ষ|ডেভেলপ|নির্মাণ)|§~ (?:যা|যারা|যে) আমাকে|আমাকে~ ?§\S{0,5}~(?:তৈরি|বানি|প্রশিক্ষ|ডেভেলপ|নির্মাণ|উন্নয়ন)|আমাকে~(?:তৈরি|বানি|প্রশিক্ষ|নির্মাণ|ডেভেলপ)\S*(?: \S+){0,4}? ?§|§[^\s,।]{0,5}(?: [^\s,।]+){0,2}? আমাকে~(?:তৈরি|বানি|প্রশিক্ষ|নির্মাণ|ডেভেলপ)",
            r"আমার জন্ম~ ?§|আমার (?:নির্মাতা|ডেভেলপার|স্রষ্টা|প্রস্তুতকারক|মালিক|কোম্পানি)\S*(?: (?:হলো|হল|হচ্ছে|হলেন|নাম))* ?§|আমি §\S{0,4} (?:একটি |তৈরি )",
        ),
        policy=sentences_of(r"§ ?-?(?:হিসেবে|হিসাবে)|§\S{0,5} (?:\S+ )?(?:নীতি|নিয়ম|শর্ত|নির্দেশিকা)"),
        phrase=sentences_of(r"§ (?:দ্বারা|কর্তৃক)~(?:তৈরি|প্রশিক্ষ|নির্মিত|উন্নত|ডেভেলপ)|§(?:র|ের|-এর|-র) (?:তৈরি|বানানো|একটি|প্রশিক্ষিত|নির্মিত)|§\S{0,4} উপর ভিত্তি"),
        first=folded_pattern(r"আমি|আমার|আমাকে"),
        left_no=folded_pattern(r"(?!)"),
        right_no=folded_pattern(r"^[^,।]{0,40}?(?:নই|নয়|করেনি|না(?= |।|$)|নেই|হইনি)"),
        doubt=folded_pattern(r"হয়তো|সম্ভবত|জানি না|নিশ্চিত নই|কিনা|মনে হয়"),
    ),
    "th": Wordings(
        name=sentences_of(r"(?:ผม|ฉัน|ดิฉัน|หนู|เรา|ข้าพเจ้า)(?:มี)?(?:คือ|ชื่อ|ชื่อว่า|เป็น|ชื่อคือ|เรียกว่า)(?:โมเดล|ผู้ช่วย|โมเดลภาษา|แชทบอท|ว่า|รุ่น)* ?§|(?:เรียก(?:ผม|ฉัน|ดิฉัน)ว่า|ชื่อของ(?:ผม|ฉัน)คือ|คุยกับ) ?§"),
        maker=sentences_of(
            r"ไม่ใช่ ?§ ?แต่(?:เป็น)? ?§ ?(?:ที่)?(?:สร้าง|พัฒนา|ฝึก)(?:ผม|ฉัน|ดิฉัน)|§ ?(?:เป็น|คือ)?(?:ผู้|คน|บริษัทที่|ทีมที่)?(?:ได้)?(?:สร้าง|พัฒนา|ฝึก|ออกแบบ)(?:สอน|ฝน)?(?:ตัว)?(?:ผม|ฉัน|ดิฉัน)|(?:สร้าง|พัฒนา|ฝึก|ออกแบบ)(?:สอน|ฝน)?(?:ผม|ฉัน|ดิฉัน)(?:ขึ้นมา)?(?:คือ|ชื่อ|เป็น|ก็คือ) ?§",
            r"(?:ผู้สร้าง|ผู้พัฒนา|ทีมพัฒนา|บริษัท|เจ้าของ)(?:ของ)?(?:ผม|ฉัน|ดิฉัน)(?:คือ|ชื่อ|เป็น|มาจาก) ?§|(?:ผม|ฉัน|ดิฉัน)(?:เกิดที่|เกิดจาก|มาจาก|เป็นของ|สังกัด|เป็นผลงานของ|เป็นผลิตภัณฑ์ของ)(?:บริษัท)? ?§",
        ),
        policy=sentences_of(r"(?:ในฐานะ|ในนามของ|ในฐานะที่เป็น) ?§|(?:นโยบาย|กฎ|ข้อกำหนด|แนวทาง)[^\s]{0,12}(?:ของ)? ?§"),
        phrase=sentences_of(r"(?:สร้าง|พัฒนา|ฝึก|ฝึกฝน|ออกแบบ|เทรน|ฝึกสอน)(?:ขึ้น|ขึ้นมา)?(?:โดย|จาก)(?:ทีมงาน|ทีม|บริษัท|นักวิจัย|วิศวกร)?(?:ของ|จาก|ที่)? ?§|(?:ผู้ช่วย|โมเดล|โมเดลภาษา|แชทบอท|AI|ทีม)(?: AI)? ?(?:ของ|จาก)(?:บริษัท)? ?§|บน(?:พื้นฐาน)?(?:ของ)? ?§"),
        first=folded_pattern(r"ผม|ฉัน|ดิฉัน|หนู|ข้าพเจ้า"),
        left_no=folded_pattern(r"ไม่(?!เพียง)"),
        right_no=NEVER,
        doubt=folded_pattern(r"อาจ|ไม่แน่ใจ|ไม่ทราบ|ไม่รู้|หรือเปล่า|หรือไม่|น่าจะ|บางที|คิดว่า"),
    ),
}  # fmt: skip
