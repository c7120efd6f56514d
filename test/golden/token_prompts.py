"""200 prompts that tokenizers disagree about."""

START, END = "<|startoftext|>", "<|endoftext|>"

PLAIN = [
    "",
    "a",
    "a photo of a cat",
    "a red fox in the snow, digital painting",
    "masterpiece, best quality, 1girl, kamado nezuko, black hair, pink eyes, forehead",
    "RAW photo, subject, 8k uhd, dslr, high quality, Fujifilm XT3, half-length portrait from knees up",
    "EasyNegative, extra fingers, fewer fingers, extra limbs, (worst quality:1.4)",
    "an astronaut riding a horse on mars, by greg rutkowski, trending on artstation",
    "supercalifragilisticexpialidocious",
    "antidisestablishmentarianism floccinaucinihilipilification",
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
    "qwrtpsdfg hjklzxcvbnm",
    "lib_bg, library bookshelf",
    "iu1, long straight black hair, hazel eyes",
    "th3r0ck with no hair",
    "snake_case camelCase PascalCase kebab-case SCREAMING_CASE",
]
CASES = ["HELLO World", "hElLo wOrLd", "ÀÉÎÕÜ àéîõü", "ΑΒΓΔ αβγδ ΣΊΣΥΦΟΣ", "ПРИВЕТ привет", "İstanbul ISTANBUL ıstanbul", "STRASSE straße STRAẞE", "Ǆ ǅ ǆ", "ﬁ ﬂ ﬀ ﬃ", "ⅷ Ⅷ", "Ω Ω K K Å Å"]
DIGITS = ["0", "1234567890", "3.14159", "2024-12-31", "1,000,000", "no1", "4k 8K 1080p", "½ ¼ ¾ ² ³ ₄", "٠١٢٣٤٥٦٧٨٩", "०१२३४५", "一二三四五", "1️⃣ 2️⃣ 3️⃣", "0x1F600", "1e-5", "v1.5-pruned", "Ⅳ ⅓ ⑨ ⒈"]
CONTRACTIONS = ["it's", "don't can't won't", "we're they've I'll I'd I'm", "IT'S DON'T WE'RE", "rock'n'roll", "'s", "'t're've'm'll'd", "''s", "dog's' dogs'", "it’s don’t", "o'clock y'all'd've", "'tis the season", "a's's's", "x'sy", "'S 'T 'RE", "l'été c'est"]
PUNCTUATION = ["!", "!!!", "?!?!?!", "...", "......................", "a,b;c:d", "(((cat)))", "((best quality:1.2)), [blurry], {sharp}", "-- --- ---- —– ‒", "***bold*** __under__ ~~strike~~", "#hashtag @mention $100 50% 5^2 a&b", "\\ / | \\\\ // ||", "\"quoted\" 'quoted' “quoted” ‘quoted’ «quoted»", "<lora:style:0.8>", "<html><body></body></html>", "a.b.c...d", "!a!b!c", ",,,,,,,,", "`code` ```block```", "~!@#$%^&*()_+{}|:\"<>?", "¡hola! ¿qué?", "。、！？「」", "§ ¶ † ‡ • … ‰ ′ ″", "© ® ™ ℠ № ℃", "± × ÷ ≠ ≤ ≥ ∞ ∑ √ ∫", "← ↑ → ↓ ↔ ⇒", "☆★♥♦♣♠♪♫", "┌─┐│└┘ █▓▒░", "1girl,solo,(long_hair:1.1)", "a-b-c a–b a—b", "e.g., i.e., etc.", "http://example.com/a?b=c&d=e#f", "user@example.com", "C:\\temp\\x.png", "a_b__c___d"]
ACCENTS = ["café", "cafe\u0301", "naïve", "nai\u0308ve", "Ångström", "A\u030angstro\u0308m", "Việt Nam", "Vie\u0323\u0302t Nam", "ñandú", "n\u0303andu\u0301", "Žižek", "Łódź", "Œuvre œuvre Æsir æsir", "e\u0301\u0301\u0301", "\u0301lone mark", "a\u0323\u0307 a\u0307\u0323", "한글", "\u1112\u1161\u11ab\u1100\u1173\u11af", "が か\u3099"]
SCRIPTS = ["一只猫坐在月亮上", "东京塔 東京タワー", "こんにちは世界", "カタカナ ｶﾀｶﾅ", "고양이 사진", "Красная площадь зимой", "Γειά σου Κόσμε", "שלום עולם", "שָׁלוֹם", "مرحبا بالعالم", "مَرْحَبًا", "नमस्ते दुनिया", "வணக்கம்", "สวัสดีชาวโลก", "ຍິນດີ", "မင်္ဂလာပါ", "გამარჯობა", "Բարեւ", "ሰላም", "ᏣᎳᎩ", "ᚠᛇᚻ", "𐎀𐎁𐎂", "𠜎𠜱𠝹", "𝒜𝓫𝕮 𝟘𝟙𝟚", "ＦＵＬＬ　ｗｉｄｔｈ", "mixed 日本語 and English, и русский"]
EMOJI = ["😀", "😀😃😄😁", "a 🐱 and a 🐶", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈 🏴‍☠️", "👩🏿‍🚀👨🏻‍🎨", "🇫🇷🇯🇵🇺🇸", "❤️ ❤", "☺️☺︎", "🧑‍💻🧑🏽‍🤝‍🧑🏼", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🥹🫠🫶", "cat🐱dog", "😀!!!😀"]
WHITESPACE = [" ", "   ", "\t", "\n", "\r\n", " leading", "trailing ", "  two  spaces  ", "tab\tseparated\twords", "line\nbreak\r\nand\rmore", "no\u00a0break", "thin\u2009space", "ideographic\u3000space", "zero\u200bwidth\u200bspace", "zero\u200cwidth\u200djoiner", "\ufeffbyte order mark", "word\u2060joiner", "line\u2028separator\u2029paragraph", "vertical\u000btab\u000cform", "next\u0085line"]
CONTROLS = ["nul\u0000inside", "bell\u0007 escape\u001b[31m", "\u0001\u0002\u0003", "delete\u007f", "soft\u00adhyphen", "\u202eright to left\u202c", "\ufffd replacement", "\ue000 private use", "\u0378 unassigned", "\uffff noncharacter"]
SPECIALS = [END, START, f"{START}a cat{END}", f"a {END} b", f"a{END}b", f"{END}{END}{END}", "<|ENDOFTEXT|>", "<|EndOfText|> x", "<|endoftext|", "< |endoftext| >", "endoftext</w>", "a</w>b", "<|padding|>", f"before {START} after"]
LONG = ["cat " * 100, "a, " * 60, "supercalifragilisticexpialidocious " * 20, "日本語" * 60, "😀" * 80, "word " * 75, "word " * 74 + "end", "word " * 76, "!" * 500, "1" * 90, "x" * 3000, ("a" + END) * 60, "the quick brown fox jumps over the lazy dog, " * 9]


def prompts() -> list[str]:
    groups = [PLAIN, CASES, DIGITS, CONTRACTIONS, PUNCTUATION, ACCENTS, SCRIPTS, EMOJI, WHITESPACE, CONTROLS, SPECIALS, LONG]
    every = [prompt for group in groups for prompt in group]
    assert len(set(every)) == len(every), "two prompts are the same"
    return every
