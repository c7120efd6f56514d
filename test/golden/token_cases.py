"""expected/tokens.json: ids of the real CLIP vocabulary, by transformers, padded and cut to 77 as diffusers does it."""

import tokenizers
import transformers
from transformers import CLIPTokenizer

from clip_vocabulary import END, START, merges, vocabulary
from golden_paths import CHECKPOINT, EXPECTED
from manifest import write_json, write_section
from token_prompts import prompts

LENGTH = 77


def write_token_cases() -> None:
    real_merges = merges()
    ids_by_token = vocabulary(real_merges)
    assert len(ids_by_token) == 49408 and ids_by_token["a</w>"] == 320 and ids_by_token["cat</w>"] == 2368
    real = CLIPTokenizer(vocab=ids_by_token, merges=real_merges, model_max_length=LENGTH)
    small = CLIPTokenizer.from_pretrained(CHECKPOINT / "tokenizer")
    cases = [{"prompt": prompt, "ids": ids(real, prompt)} for prompt in prompts()]
    assert len(cases) >= 200
    maker = f"transformers {transformers.__version__} {type(real).__name__} on tokenizers {tokenizers.__version__}"
    write_json(
        EXPECTED / "tokens.json",
        {
            "tokenizer": maker,
            "vocabulary": "clip/bpe_simple_vocab_16e6.txt.gz, 49,408 tokens",
            "length": LENGTH,
            "start_id": ids_by_token[START],
            "end_id": ids_by_token[END],
            "pad_id": real.pad_token_id,
            "note": "ids are unpadded: start, up to 75 tokens, end. Diffusers pads on the right with pad_id to 77.",
            "cases": cases,
        },
    )
    small_cases = [{"prompt": case["prompt"], "ids": ids(small, case["prompt"])} for case in cases]
    write_json(
        EXPECTED / "tokens-small.json",
        {
            "tokenizer": maker,
            "vocabulary": "checkpoint/tokenizer, 1,000 tokens",
            "length": LENGTH,
            "start_id": small.bos_token_id,
            "end_id": small.eos_token_id,
            "pad_id": small.pad_token_id,
            "cases": small_cases,
        },
    )
    write_section("tokens", {"files": ["tokens.json", "tokens-small.json"], "case_count": len(cases), "made_by": maker})


def ids(tokenizer: CLIPTokenizer, prompt: str) -> list[int]:
    padded = tokenizer(prompt, padding="max_length", max_length=LENGTH, truncation=True).input_ids
    plain = tokenizer(prompt, max_length=LENGTH, truncation=True).input_ids
    assert len(padded) == LENGTH and padded == plain + [tokenizer.pad_token_id] * (LENGTH - len(plain))
    return plain
