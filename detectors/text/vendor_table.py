"""The table of vendors: who makes language models, and by which names makers and products go, in several scripts.

Knows names only. Each row is (companies, products, framed names), names separated by ``|``. Companies and products are
read in any letter case; *framed* names are ordinary words too (a sign, a first name, a fruit): they are read in their
exact case, and count only inside a claim about oneself.
"""

# ruff: noqa: E501  (a table of names or phrases is read and compared by the line)

from __future__ import annotations

VENDOR_ROWS: dict[str, tuple[str, str, str]] = {
    "openai": (
        "OpenAI|Open AI|openai.com|欧朋AI|欧拉AI|オープンAI|オープンエーアイ|오픈AI|오픈에이아이|ОпенАИ|ОпенЭйАй|Опен АИ|أوبن إيه آي|أوبن ايه اي"
        "|أوبن آي|أوبن أي آي|اوبن اي اي|أوبن إي آي|ओपनएआई|ओपन एआई|ओपनएआइ|ओपन ए आई|奥鹏AI|开放人工智能公司",
        "ChatGPT|Chat GPT|Chat-GPT|ChatGTP|Chatgpt|GPT|GPT-4o|InstructGPT|text-davinci|davinci|DALL-E|チャットGPT|챗GPT|챗지피티|ЧатГПТ|ЧатДжиПиТи"
        "|تشات جي بي تي|شات جي بي تي|चैटजीपीटी|चैट जीपीटी|gpt-oss",
        "Codex",
    ),
    "anthropic": (
        "Anthropic|Antropic|Anthropic AI|アンソロピック|アンスロピック|앤트로픽|앤스로픽|Антропик|أنثروبيك|انثروبيك|एंथ्रोपिक|एन्थ्रोपिक",
        "Claude AI|Claude Sonnet|Claude Opus|Claude Haiku|Claude Instant|Claude 2|Claude 3|Claude 4",
        "Claude|クロード|클로드|Клод|كلود|क्लाउड|克劳德",
    ),
    "google": (
        "Google|Google AI|Google DeepMind|DeepMind|Alphabet Inc|グーグル|ディープマインド|구글|딥마인드|谷歌|Гугл|جوجل|غوغل|قوقل|गूगल|गूगल एआई",
        "Gemini Pro|Gemini Ultra|Gemini Flash|Gemini Nano|Google Gemini|Google Bard|Google Assistant|LaMDA|PaLM 2|Gemma 2|Gemma 3",
        "Gemini|Bard|Palm|PaLM|Gemma|BERT|ジェミニ|제미나이|Джемини|双子座|जेमिनी|جيميني",
    ),
    "meta": (
        "Meta AI|Meta Platforms|Facebook|Facebook AI|फेसबुक|फ़ेसबुक|فيسبوك|Фейсбук|フェイスブック|페이스북|脸书|मेटा एआई",
        "Llama 2|Llama 3|Llama 4|Llama-2|Llama-3|Code Llama|Llama Guard|メタAI|메타 AI|Meta-Llama",
        "Meta|Llama|LLaMA|メタ|메타|Мета|ميتا|मेटा|लामा|ラマ",
    ),
    "alibaba": (
        "Alibaba|Alibaba Cloud|Alibaba Group|AliCloud|Aliyun|DAMO Academy|阿里巴巴|阿里云|阿里|达摩院|アリババ|アリババクラウド|알리바바|알리바바 클라우드"
        "|Алибаба|علي بابا|علي بابا كلاود|अलीबाबा|अलीबाबा क्लाउड|阿里雲|通义实验室|Tongyi Lab",
        "Qwen|QwQ|Qwen-VL|Tongyi|Tongyi Qianwen|Tongyi Wanxiang|Qianwen|通义千问|通義千問|通义|千问|Квен|큐원|क्वेन|كوين",
        "キューウェン",
    ),
    "deepseek": (
        "DeepSeek|Deep Seek|DeepSeek AI|深度求索|ディープシーク|딥시크|Дипсик|ديب سيك|डीपसीक|深度探索",
        "DeepSeek-R1|DeepSeek-V3|DeepSeek Chat|DeepSeek Coder",
        "",
    ),
    "mistral": ("Mistral AI|Mistral|ミストラル|미스트랄|Мистраль|ميسترال|मिस्ट्रल", "Mixtral|Le Chat|Codestral|Ministral|Magistral", ""),
    "microsoft": (
        "Microsoft|Microsoft Research|微软|マイクロソフト|마이크로소프트|Майкрософт|مايكروسوفت|माइक्रोसॉफ्ट",
        "Bing Chat|Phi-2|Phi-3|Phi-4|Phi-1.5|Microsoft Copilot|GitHub Copilot|WizardLM|小冰",
        "Copilot|Bing|Phi|Orca|Cortana|Sydney|Zo|Tay|コパイロット|코파일럿",
    ),
    "xai": ("xAI|x.ai|xAI Corp", "Grok-1|Grok-2|Grok-3|Grok AI", "Grok|グロック|그록|Грок"),
    "cohere": ("Cohere|Cohere AI|Cohere For AI|コヒア|코히어", "Command R|Command-R|Command R+|Command A|Aya 23|Aya Expanse", "Command|Coral|Aya"),
    "zhipu": (
        "Zhipu|Zhipu AI|ZhipuAI|Z.ai|智谱|智谱AI|智谱华章|北京智谱|智譜|ジープー",
        "GLM|ChatGLM|GLM-4|CharGLM|智谱清言|清言",
        "",
    ),
    "moonshot": ("Moonshot AI|Moonshot|月之暗面|ムーンショットAI|문샷 AI", "Kimi K2|Kimi Chat|Kimi AI", "Kimi|キミ|키미"),
    "baidu": ("Baidu|百度|バイドゥ|바이두|Байду|بايدو|बायडू|बाइडू", "ERNIE Bot|ERNIE-Bot|Ernie 4|文心一言|文心|Wenxin|Wenxin Yiyan|文小言", "ERNIE|Ernie"),
    "01-ai": ("01.AI|01 AI|01ai|零一万物|零一萬物|Lingyi Wanwu", "Yi-34B|Yi-6B|Yi-Lightning|Yi-Large|万知", "Yi"),
    "hugging-face": (
        "Hugging Face|HuggingFace|ハギングフェイス|허깅페이스|허깅 페이스|हगिंग फेस|हगिंग फ़ेस|هاجينغ فيس|抱抱脸",
        "SmolLM|SmolLM2|SmolLM3|SmolVLM|HuggingChat|StarCoder|Idefics|BLOOMZ",
        "Zephyr|BLOOM|Bloom",
    ),
    "ibm": ("IBM|IBM Research|International Business Machines|आईबीएम|آي بي إم", "watsonx|IBM Watson|IBM Granite", "Watson|Granite"),
    "nvidia": ("NVIDIA|英伟达|エヌビディア|엔비디아|एनवीडिया|إنفيديا|Нвидиа", "Nemotron|NeMo|Megatron-LM|Minitron|ChatRTX", "Megatron"),
    "tii": ("Technology Innovation Institute|معهد الابتكار التكنولوجي|TII", "Falcon 7B|Falcon 40B|Falcon 180B|Falcon LLM|Falcon-H1|Falcon3", "Falcon|فالكون"),
    "ai21": ("AI21 Labs|AI21|AI21 Lab", "Jurassic-1|Jurassic-2|Jurassic-X", "Jamba|Jurassic"),
    "amazon": (
        "Amazon Web Services|Amazon AI|AWS|亚马逊|アマゾン|아마존|أمازون|अमेज़न|अमेज़ॅन|Амазон",
        "Amazon Titan|Amazon Nova|Amazon Alexa|Amazon Q|Amazon Bedrock",
        "Amazon|Alexa|Nova|Titan|アレクサ|알렉사|Алекса|एलेक्सा|أليكسا",
    ),
    "apple": ("Apple Inc|Apple Intelligence|苹果公司|آبل", "OpenELM", "Apple|Siri|アップル|애플|苹果|सिरी|सीरी|एप्पल|سيري|시리"),
    "tencent": ("Tencent|Tencent AI Lab|腾讯|騰訊|テンセント|텐센트|Тенсент|تينسنت|टेनसेंट", "Hunyuan|混元|腾讯元宝|WeLM", "元宝"),
    "bytedance": ("ByteDance|Byte Dance|字节跳动|字節跳動|バイトダンス|바이트댄스|Байтданс|बाइटडांस|بايت دانس|火山引擎", "Doubao|豆包|Seed-OSS|Skylark", "云雀"),
    "minimax": ("MiniMax AI|MiniMax|稀宇科技|名之梦", "abab6|Hailuo AI|海螺AI|海螺", "Talkie"),
    "stability": ("Stability AI|StabilityAI|スタビリティAI", "StableLM|Stable LM|Stable Beluga|Stable Diffusion", ""),
    "databricks": ("Databricks|MosaicML|データブリックス|데이터브릭스", "DBRX|MPT-7B|MPT-30B|Dolly 2.0", "Dolly"),
    "eleutherai": ("EleutherAI|Eleuther AI|Eleuther", "GPT-NeoX|GPT-Neo|GPT-J|GPT NeoX", "Pythia"),
    "allenai": ("Allen Institute for AI|Allen Institute for Artificial Intelligence|AllenAI|Ai2|Allen Institute", "OLMo|OLMoE|Tülu|Tulu 3|Molmo", ""),
    "lmsys": ("LMSYS|LMSYS Org|Large Model Systems Organization|Large Model Systems Organisation", "Vicuna|FastChat|Chatbot Arena", ""),
    "sber": ("Sber|Sberbank|SberDevices|Sber AI|Сбер|Сбербанк|СберДевайсы", "GigaChat|Giga Chat|ruGPT|ruGPT-3|ГигаЧат|Гигачат|Kandinsky", "Салют|Джой"),
    "yandex": ("Yandex|Яндекс|ヤンデックス|얀덱스|ياندكس|यांडेक्स", "YandexGPT|Yandex GPT|ЯндексГПТ|YaLM|Нейро", "Алиса|Alice"),
    "naver": ("NAVER|NAVER Cloud|네이버|네이버 클라우드|ネイバー", "HyperCLOVA|CLOVA X|HyperCLOVA X|하이퍼클로바|클로바X|클로바", ""),
    "lg": ("LG AI Research|LG AI|LG AI연구원|LG Electronics|엘지", "EXAONE|엑사원", "LG"),
    "upstage": ("Upstage AI|업스테이지", "SOLAR-10.7B|Solar Pro|Solar Mini", "Upstage|Solar|SOLAR"),
    "sarvam": ("Sarvam AI|Sarvam|सर्वम एआई|सर्वम", "OpenHathi|Sarvam-1|Sarvam-M", ""),
    "reka": ("Reka AI", "Reka Core|Reka Flash|Reka Edge", "Reka"),
    "inflection": ("Inflection AI|Inflection", "Inflection-1|Inflection-2|Pi AI", "Pi"),
    "huawei": ("Huawei|华为|ファーウェイ|화웨이|Хуавей|هواوي|हुआवेई", "PanGu|盘古大模型|华为盘古", "Pangu|盘古|小艺"),
    "iflytek": ("iFlytek|iFLYTEK|科大讯飞|讯飞", "SparkDesk|讯飞星火|星火认知大模型|星火大模型", "星火"),
    "baichuan": ("Baichuan AI|Baichuan Intelligence|百川智能", "Baichuan|百川大模型|百小应", "百川"),
    "sensetime": ("SenseTime|商汤|商汤科技", "SenseNova|SenseChat|日日新", ""),
    "shanghai-ai-lab": ("Shanghai AI Laboratory|Shanghai AI Lab|上海人工智能实验室|上海AI实验室", "InternLM|InternVL|书生浦语|书生·浦语|书生大模型", ""),
    "xiaomi": ("Xiaomi|シャオミ|샤오미", "MiMo|小爱同学|小米大模型", "小米|小爱"),
    "samsung": ("Samsung|Samsung Electronics|三星|サムスン|삼성|삼성전자|سامسونج|सैमसंग|Самсунг", "Bixby|Samsung Gauss|빅스비", ""),
    "openbmb": ("OpenBMB|ModelBest|面壁智能", "MiniCPM", ""),
    "snowflake": ("Snowflake AI|Snowflake Inc", "Snowflake Arctic", "Snowflake"),
    "nous": ("Nous Research|NousResearch", "Nous Hermes|Hermes 2|Hermes 3|Hermes 4|OpenHermes", "Hermes"),
    "perplexity": ("Perplexity AI|Perplexity.ai", "Perplexity Sonar", "Perplexity|Sonar"),
    "laion": ("LAION|Open-Assistant|OpenAssistant|Open Assistant", "", ""),
    "salesforce": ("Salesforce|Salesforce Research", "XGen|CodeGen", "Einstein"),
    "stepfun": ("StepFun|阶跃星辰", "Step-1|Step-2|跃问", ""),
    "aleph-alpha": ("Aleph Alpha", "Luminous Supreme|Pharia", "Luminous"),
    "swiss-ai": ("Swiss AI Initiative|Swiss AI|EPFL|ETH Zurich|ETH Zürich", "Apertus", ""),
    "kakao": ("Kakao|Kakao Brain|카카오|카카오브레인", "KoGPT|Kanana", ""),
    "uc-berkeley": ("UC Berkeley|University of California, Berkeley|Berkeley AI Research|加州大学伯克利分校", "Koala 13B|Starling-7B", "Koala|Berkeley"),
    "stanford": ("Stanford|Stanford University|斯坦福大学|スタンフォード大学|스탠퍼드|Стэнфорд|ستانفورد|स्टैनफोर्ड", "Stanford Alpaca", "Alpaca"),
    "mit": ("Massachusetts Institute of Technology|麻省理工学院|マサチューセッツ工科大学", "", "MIT"),
    "cmu": ("Carnegie Mellon|Carnegie Mellon University|卡内基梅隆大学|カーネギーメロン大学", "", "CMU"),
    "tsinghua": ("Tsinghua University|Tsinghua|清华大学|清华|칭화대", "", ""),
    "mbzuai": ("MBZUAI|Mohamed bin Zayed University|Inception G42|G42", "Jais-13B|K2-65B", "Jais|جيس"),
}  # fmt: skip

NOT_A_MAKER = (
    "Google Scholar|Google Search|Google Maps|Google Docs|Google Drive|Google Play|Google Translate|Google Books|Google Sheets"
    "|Google Chrome|Microsoft Word|Microsoft Excel|Microsoft Windows|Microsoft Office|Microsoft Azure|MIT License|MIT Licence"
    "|MIT licensed|Apple Watch|Apple Music|Apple Store|Amazon rainforest|Amazon River|GPT architecture style|阿里山|阿里郎"
)
"""Phrases that hold a maker's name and name no maker."""

FRAMED_COMPANIES = "Meta|Amazon|Apple|LG|Reka|Upstage|Snowflake|Perplexity|Berkeley|MIT|CMU|メタ|메타|Мета|ميتا|मेटा|アップル|애플|苹果|एप्पल|小米"
"""Framed names that are makers; the other framed names are products."""

NOT_SURNAMES = "AI|Pro|Ultra|Flash|Nano|Sonnet|Opus|Haiku|Instant|Chat|Bot|Large|Small|Assistant|By|Developed|Created|Model"
"""Capitalised words that may follow a framed first name without making it a person's."""
