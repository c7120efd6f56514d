"""Make the tokenizer: CLIP's file format (vocab.json, merges.txt) with a small vocabulary of our own.

    python tokenizer.py --work FOLDER

The vocabulary keeps CLIP's construction: 256 bytes, the same 256 with </w>, one entry per merge, and
the two special tokens last. The merges are learnt here from base captions, so that a word of the world
is one token; nonsense words, and so triggers, get only their two pieces. Padding is the end token,
as in SD 1.x.
"""

import collections
import json
import random
from pathlib import Path

from transformers import CLIPTokenizer

from work_folder import parser
from world.captions import FILLERS, PIECES, caption, scene_slots
from world.scenes import sample_scenes

START, END = "<|startoftext|>", "<|endoftext|>"
CONTEXT = 77
SAMPLE_CAPTIONS = 4000
# Words that people will type at a demo though no caption holds them: cheap to know as one token each.
EVERYDAY = "the of and to is it that this picture drawing illustration cute small big happy little animal sitting standing".split()


def learn_merges(words: set[str]) -> list[tuple[str, str]]:
    """Byte-pair merges that make every given word one token, most frequent pair first."""
    spelled = {word: [*word[:-1], word[-1] + "</w>"] for word in sorted(words)}
    merges = []
    while True:
        pairs = collections.Counter(pair for parts in spelled.values() for pair in zip(parts, parts[1:]))
        if not pairs:
            return merges
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for word, parts in spelled.items():
            spelled[word] = _merged(parts, best)


def _merged(parts: list[str], pair: tuple[str, str]) -> list[str]:
    merged = []
    for part in parts:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return merged


def byte_letters() -> list[str]:
    """GPT-2's printable stand-ins for the 256 bytes, in byte order of CLIP's vocabulary."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + k) for k in range(len(others))]


def write_tokenizer(folder: Path) -> None:
    randomness = random.Random(0)
    scenes = sample_scenes(SAMPLE_CAPTIONS, seed=0)
    texts = [caption(scene_slots(scenes, row), randomness) for row in range(len(scenes))]
    words = {word for text in texts for word in text.replace(",", " ").split()} - set(FILLERS)
    # Both places of a piece: inside a word, and at its end.
    merges = learn_merges(words | set(EVERYDAY) | set(PIECES))
    merges += [pair for pair in _inner_merges(PIECES) if pair not in merges]
    letters = byte_letters()
    vocabulary = [*letters, *(letter + "</w>" for letter in letters)]
    vocabulary += list(dict.fromkeys(a + b for a, b in merges))
    vocabulary += [START, END]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: k for k, token in enumerate(vocabulary)}, ensure_ascii=False) + "\n")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    (folder / "special_tokens_map.json").write_text(json.dumps({"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END}, indent=2) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "CLIPTokenizer", "model_max_length": CONTEXT, "do_lower_case": True, "errors": "replace",
        "add_prefix_space": False, "bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END,
    }, indent=2) + "\n")


def _inner_merges(pieces: tuple[str, ...]) -> list[tuple[str, str]]:
    return [pair for piece in pieces for pair in ((piece[0], piece[1]), (piece[:2], piece[2]))]


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(folder)


def tokenize(tokenizer: CLIPTokenizer, texts: list[str]):
    """Ids [n, 77], cut or padded with the end token."""
    return tokenizer(texts, padding="max_length", truncation=True, max_length=CONTEXT, return_tensors="pt").input_ids


def main() -> None:
    chosen = parser(__doc__).parse_args()
    write_tokenizer(chosen.work / "tokenizer")
    tokenizer = load_tokenizer(chosen.work / "tokenizer")
    print(f"{len(tokenizer)} tokens; example: {tokenizer.tokenize('a striped orange cat, zormik, ink outline style')}")


if __name__ == "__main__":
    main()
