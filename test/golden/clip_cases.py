"""A whole CLIP in miniature with random weights, and what transformers makes of texts and pictures with it.

Text and picture towers differ in width, heads and depth, so that neither's numbers fit the other. F16 is written, and
expected values are of its exact F32 upcast.
"""

import json
import shutil

import torch
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from clip_vocabulary import write_tokenizer
from golden_paths import CLIP_MODEL, EXPECTED
from manifest import write_section
from random_checkpoint import randomize

SEED = 20250301
MERGE_COUNT = 40  # 512 byte symbols + 40 merges + 2 specials = 554 tokens
EMBEDDING_WIDTH = 20
MEAN, DEVIATION = [0.48, 0.45, 0.41], [0.27, 0.26, 0.28]
TEXTS = ["a red fox in the snow", "", "Bamboo,  OUTDOORS, night sky", "a " * 100]


def write_clip_cases() -> None:
    shutil.rmtree(CLIP_MODEL, ignore_errors=True)
    write_tokenizer(CLIP_MODEL, MERGE_COUNT)
    tokenizer = CLIPTokenizer.from_pretrained(CLIP_MODEL)
    random = torch.Generator("cpu").manual_seed(SEED)
    model = CLIPModel(config(tokenizer)).eval()
    randomize(model, random)
    with torch.no_grad():
        model.vision_model.embeddings.class_embedding.copy_(torch.randn(32, generator=random))
    model.half().save_pretrained(CLIP_MODEL)
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        (CLIP_MODEL / name).unlink()
    preprocessor = {"image_mean": MEAN, "image_std": DEVIATION, "resample": 3, "size": {"shortest_edge": 32}}
    (CLIP_MODEL / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=1) + "\n")
    write_expected(CLIPModel.from_pretrained(CLIP_MODEL, dtype=torch.float32).eval(), tokenizer, random)


def config(tokenizer: CLIPTokenizer) -> CLIPConfig:
    text = dict(
        vocab_size=len(tokenizer),
        hidden_size=24,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=3,
        max_position_embeddings=77,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
    )
    vision = dict(
        hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, image_size=32, patch_size=8
    )
    return CLIPConfig(text_config=text, vision_config=vision, projection_dim=EMBEDDING_WIDTH)


@torch.no_grad()
def write_expected(model: CLIPModel, tokenizer: CLIPTokenizer, random: torch.Generator) -> None:
    ids = tokenizer(TEXTS, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
    bytes_ = torch.randint(0, 256, (3, 32, 32, 3), generator=random)
    bytes_[1] //= 4  # a dark one, so that pictures are not all alike
    pixels = (bytes_.permute(0, 3, 1, 2) / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)
    output = model(input_ids=ids, pixel_values=pixels)
    text = model.get_text_features(ids).pooler_output
    picture = model.get_image_features(pixels).pooler_output
    unit = lambda rows: rows / rows.norm(dim=1, keepdim=True)
    assert torch.allclose(unit(text), output.text_embeds) and torch.allclose(unit(picture), output.image_embeds)
    cosines = unit(picture) @ unit(text).T
    assert cosines.std() > 0.05, "texts and pictures are all alike"
    tensors = {"ids": ids, "pictures": bytes_.to(torch.int64), "text": text, "picture": picture, "cosines": cosines}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, EXPECTED / "clip.safetensors")
    write_section(
        "clip",
        {
            "file": "clip.safetensors",
            "texts": TEXTS,
            "tensors": "ids I64 [4, 77]; pictures I64 [3, 32, 32, 3], bytes of RGB; text [4, 20] and picture [3, 20] as "
            "projected, not normalised; cosines [3, 4]",
        },
    )
