"""Train judge A, a small CLIP (transformers format): how well a picture matches a text, for CLIPScore
and caption retrieval. It knows base captions and the triggers of all concepts.

    python train_judge_a.py --work FOLDER --to ../judges/a [--pictures 16384] [--minutes 15]

It has its own seeds, and an architecture that judge B does not share.
"""

import random
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPConfig, CLIPModel

from concept_sets import rendered_concept_scenes, sample_concept_scenes
from muon import Optimizers
from pool import render_bytes
from schedule import learning_rate
from tokenizer import load_tokenizer, tokenize
from train_judge_b import softened
from work_folder import parser
from world.captions import scene_slots
from world.concepts import CONCEPTS
from world.prompts import concept_prompt
from world.scenes import Scenes

BATCH = 128
PEAK_LR = 1e-3
TRAIN_SEED, TEST_SEED = 7_000_000, 8_000_000
SHARD = 1024
UNMENTIONED_SHARE = 0.15
# The word and patch embeddings and the two projections are ends; see Optimizers.
ENDS = ("vision_model.embeddings", "text_model.embeddings", "visual_projection", "text_projection")


def make_judge(tokenizer) -> CLIPModel:
    common = {"hidden_size": 128, "intermediate_size": 512, "num_attention_heads": 4, "projection_dim": 128, "hidden_act": "quick_gelu"}
    text = common | {
        "vocab_size": len(tokenizer), "num_hidden_layers": 3, "max_position_embeddings": 77,
        "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.eos_token_id,
    }
    vision = common | {"num_hidden_layers": 4, "image_size": 128, "patch_size": 16}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=128))


def text_of(scenes: Scenes, row: int, randomness: random.Random) -> str:
    concepts = [concept for name, concept in CONCEPTS.items() if scenes.has_concept(name)[row]]
    slots = {slot: value for slot, value in scene_slots(scenes, row).items() if randomness.random() >= UNMENTIONED_SHARE}
    return concept_prompt(concepts, slots)


def features(judge: CLIPModel, pictures: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    """Unit vectors of pictures (0..1) and texts."""
    with torch.autocast(pictures.device.type, torch.bfloat16):
        output = judge(input_ids=ids, pixel_values=pictures * 2 - 1)
    return functional.normalize(output.image_embeds.float(), dim=1), functional.normalize(output.text_embeds.float(), dim=1)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--to", type=Path, required=True)
    options.add_argument("--pictures", type=int, default=16_384)
    options.add_argument("--minutes", type=float, default=15)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(1)
    randomness = random.Random(1)
    tokenizer = load_tokenizer(chosen.work / "tokenizer")
    judge = make_judge(tokenizer).to(chosen.device)
    optimizers = Optimizers([judge], PEAK_LR, ENDS)
    scenes = [sample_concept_scenes(SHARD, TRAIN_SEED + k) for k in range(chosen.pictures // SHARD)]
    pictures = [rendered_concept_scenes(chosen.work, part, TRAIN_SEED + k) for k, part in enumerate(scenes)]
    started, step = time.monotonic(), 0
    while (progress := (time.monotonic() - started) / (chosen.minutes * 60)) < 1:
        picks = [(randomness.randrange(len(scenes)), randomness.randrange(SHARD)) for _ in range(BATCH)]
        batch = torch.stack([pictures[shard][row] for shard, row in picks]).float() / 255
        batch[: BATCH // 2] = softened(batch[: BATCH // 2])
        ids = tokenize(tokenizer, [text_of(scenes[shard], row, randomness) for shard, row in picks])
        seen, read = features(judge, batch.to(chosen.device), ids.to(chosen.device))
        logits = judge.logit_scale.exp().clamp(max=100) * seen @ read.T
        truth = torch.arange(BATCH, device=logits.device)
        loss = (functional.cross_entropy(logits, truth) + functional.cross_entropy(logits.T, truth)) / 2
        loss.backward()
        optimizers.step(learning_rate(PEAK_LR, progress, step))
        step += 1
        if step % 20 == 0:
            print(f"step {step} loss {loss.item():.3f} right one of {BATCH}: {100 * (logits.argmax(1) == truth).float().mean():.0f} % ({100 * progress:.0f} %)", flush=True)
    judge.eval().to(torch.float16).save_pretrained(chosen.to)
    tokenizer.save_pretrained(chosen.to)
    _measure(judge.float().cpu(), tokenizer)


@torch.no_grad()
def _measure(judge: CLIPModel, tokenizer) -> None:
    scenes = sample_concept_scenes(512, TEST_SEED)
    randomness = random.Random(2)
    ids = tokenize(tokenizer, [text_of(scenes, row, randomness) for row in range(len(scenes))])
    seen, read = features(judge, render_bytes(scenes).float() / 255, ids)
    right = [(seen[k:k + 20] @ read[k:k + 20].T).argmax(1) == torch.arange(20) for k in range(0, 500, 20)]
    print(f"unseen true renderings: right text of 20 {100 * torch.cat(right).float().mean():.1f} %")


if __name__ == "__main__":
    main()
