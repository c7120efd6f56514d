"""CLIP's vocabulary from its published merge list, whole or cut short, in the two files that tokenizers read.

The order of ids is OpenAI's: 256 byte symbols, the same with `</w>`, the merges, start, end. A short vocabulary is the
first merges of the real list, so a tokenizer that is right on one is right on the other.
"""

import gzip
import json
from pathlib import Path

from golden_paths import CLIP_MERGES

START, END = "<|startoftext|>", "<|endoftext|>"
REAL_MERGE_COUNT = 49408 - 512 - 2


def byte_symbols() -> list[str]:
    """One printable character for each byte, in OpenAI's order: printable bytes first, then the rest from U+0100."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    other_count = 256 - len(printable)
    return [chr(byte) for byte in printable] + [chr(256 + n) for n in range(other_count)]


def merges(count: int = REAL_MERGE_COUNT) -> list[tuple[str, str]]:
    lines = gzip.decompress(CLIP_MERGES.read_bytes()).decode("utf-8").split("\n")
    return [tuple(line.split()) for line in lines[1 : count + 1]]  # line 0 is a heading


def vocabulary(merge_list: list[tuple[str, str]]) -> dict[str, int]:
    symbols = byte_symbols()
    tokens = symbols + [s + "</w>" for s in symbols] + ["".join(pair) for pair in merge_list] + [START, END]
    return {token: index for index, token in enumerate(tokens)}


def write_tokenizer(folder: Path, merge_count: int) -> None:
    """The tokenizer folder of a Stable Diffusion 1.x checkpoint, with the keys that SD 1.5's own has."""
    merge_list = merges(merge_count)
    folder.mkdir(parents=True, exist_ok=True)
    special = {"content": END, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    start = {**special, "content": START}
    as_json = lambda value: json.dumps(value, ensure_ascii=False, indent=1) + "\n"
    (folder / "vocab.json").write_text(as_json(vocabulary(merge_list)), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merge_list)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "special_tokens_map.json").write_text(
        as_json({"bos_token": start, "eos_token": special, "pad_token": END, "unk_token": special}), encoding="utf-8"
    )
    (folder / "tokenizer_config.json").write_text(
        as_json(
            {
                "add_prefix_space": False,
                "bos_token": {"__type": "AddedToken", **start},
                "do_lower_case": True,
                "eos_token": {"__type": "AddedToken", **special},
                "errors": "replace",
                "model_max_length": 77,
                "pad_token": END,
                "tokenizer_class": "CLIPTokenizer",
                "unk_token": {"__type": "AddedToken", **special},
            }
        ),
        encoding="utf-8",
    )
