"""Train judge A, a small CLIP (transformers format): how well a picture matches a text, for CLIPScore
and caption retrieval. It knows base captions and the triggers of all concepts.

    python train_judge_a.py --work FOLDER --to ../judges/a [--pictures 16384] [--minutes 12]

It has its own seeds, and an architecture that judge B does not share. Beside the contrastive loss, its
picture tower has to name the concepts and slots through a linear layer that is thrown away afterwards:
a picture says far more than which of 128 texts is its own, and on a CPU that is the cheap way to teach it.
"""

import json
import random
import shutil
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPConfig, CLIPModel

from concept_sets import concept_labels, rendered_concept_scenes, sample_concept_scenes, slot_targets
from muon import Optimizers
from schedule import learning_rate
from tokenizer import CONTEXT, load_tokenizer, tokenize
from train_reader import reading_loss, varied
from work_folder import load_state, parser, save_state
from world.captions import caption, scene_slots
from world.concepts import CONCEPTS
from world.prompts import concept_prompt
from world.scenes import SLOTS, Scenes

BATCH = 128
PEAK_LR = 1e-3
TRAIN_SEED, TEST_SEED = 7_000_000, 8_000_000
SHARD = 1024
UNMENTIONED_SHARE = 0.15
# As CLIPScore asks it: the triggers and no other word.
TRIGGERS_ONLY_SHARE = 0.3
# No prompt is longer than this; the text tower is causal, so what follows the end token changes nothing.
SEEN_TOKENS = 32
WIDTH = 160
EMBEDDING = 128
# The word and patch embeddings, the projections and the linear layer are ends; see Optimizers.
ENDS = ("vision_model.embeddings", "text_model.embeddings", "visual_projection", "text_projection", "logit_scale", "heads")
# What transformers' CLIPImageProcessor does with these numbers is pictures * 2 - 1.
PREPROCESSOR = {
    "image_processor_type": "CLIPImageProcessor", "do_convert_rgb": True, "do_resize": True, "size": {"height": 128, "width": 128}, "resample": 3,
    "do_center_crop": False, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3,
}


def make_judge(tokenizer) -> CLIPModel:
    common = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_attention_heads": 4, "projection_dim": EMBEDDING, "hidden_act": "quick_gelu"}
    text = common | {
        "vocab_size": len(tokenizer), "num_hidden_layers": 3, "max_position_embeddings": CONTEXT,
        "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.eos_token_id,
    }
    vision = common | {"num_hidden_layers": 4, "image_size": 128, "patch_size": 16}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=EMBEDDING))


class Heads(nn.Module):
    """Concepts and slots from a picture's embedding; training alone needs it."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleDict({"concepts": nn.Linear(EMBEDDING, len(CONCEPTS))} | {slot: nn.Linear(EMBEDDING, len(values)) for slot, values in SLOTS.items()})

    def forward(self, embedding: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        return self.heads["concepts"](embedding), {slot: self.heads[slot](embedding) for slot in SLOTS}


def text_of(scenes: Scenes, row: int, randomness: random.Random) -> str:
    concepts = [concept for name, concept in CONCEPTS.items() if scenes.has_concept(name)[row]]
    if concepts and randomness.random() < TRIGGERS_ONLY_SHARE:
        return ", ".join(word for concept in concepts for word in concept.triggers)
    if not concepts and randomness.random() < 0.5:
        return caption(scene_slots(scenes, row), randomness)
    slots = {slot: value for slot, value in scene_slots(scenes, row).items() if randomness.random() >= UNMENTIONED_SHARE}
    return concept_prompt(concepts, slots)


def features(judge: CLIPModel, pictures: Tensor, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Unit vectors of pictures (0..1) and texts, and the pictures' embeddings before they are made unit."""
    with torch.autocast(pictures.device.type, torch.bfloat16):
        output = judge(input_ids=ids, pixel_values=pictures * 2 - 1)
    return functional.normalize(output.image_embeds.float(), dim=1), functional.normalize(output.text_embeds.float(), dim=1), output.vision_model_output.pooler_output


def contrast(logits: Tensor, texts: list[str]) -> Tensor:
    """Cross entropy both ways; pictures that happen to have the same text share the truth."""
    same = torch.tensor([[a == b for b in texts] for a in texts], device=logits.device, dtype=torch.float32)
    truth = same / same.sum(1, keepdim=True)
    return (functional.cross_entropy(logits, truth) + functional.cross_entropy(logits.T, truth)) / 2


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--to", type=Path, required=True)
    options.add_argument("--pictures", type=int, default=16_384)
    options.add_argument("--minutes", type=float, default=12, help="of the processor's time")
    options.add_argument("--resume", action="store_true", help="start from the network in the work folder")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(1)
    randomness = random.Random(1)
    tokenizer = load_tokenizer(chosen.work / "tokenizer")
    judge, heads = make_judge(tokenizer), Heads()
    if chosen.resume:
        state = load_state(chosen.work / "judge_a.pt")
        judge.load_state_dict(state["judge"])
        heads.load_state_dict(state["heads"])
    judge, heads = judge.to(chosen.device), heads.to(chosen.device)
    optimizers = Optimizers([judge, heads], PEAK_LR, ENDS)
    scenes = [sample_concept_scenes(SHARD, TRAIN_SEED + k) for k in range(chosen.pictures // SHARD)]
    pictures = [rendered_concept_scenes(chosen.work, part, TRAIN_SEED + k) for k, part in enumerate(scenes)]
    concepts, slots = [concept_labels(part) for part in scenes], [slot_targets(part) for part in scenes]
    clock = time.process_time if chosen.device == "cpu" else time.monotonic
    started, step = clock(), 0
    budget_s = chosen.minutes * 60 * (chosen.threads if chosen.device == "cpu" else 1)
    while (progress := (clock() - started) / budget_s) < 1:
        picks = [(randomness.randrange(len(scenes)), randomness.randrange(SHARD)) for _ in range(BATCH)]
        batch = varied(torch.stack([pictures[shard][row] for shard, row in picks]))
        texts = [text_of(scenes[shard], row, randomness) for shard, row in picks]
        ids = tokenize(tokenizer, texts)[:, :SEEN_TOKENS]
        assert (ids[:, -1] == tokenizer.eos_token_id).all(), "a text is longer than SEEN_TOKENS"
        seen, read, embedding = features(judge, batch.to(chosen.device), ids.to(chosen.device))
        logits = judge.logit_scale.exp().clamp(max=100) * seen @ read.T
        pick = lambda tables: torch.stack([tables[shard][row] for shard, row in picks]).to(chosen.device)
        naming = reading_loss(*heads(embedding.float()), pick(concepts), {slot: pick([part[slot] for part in slots]) for slot in SLOTS})
        loss = contrast(logits, texts)
        (loss + naming).backward()
        optimizers.step(learning_rate(PEAK_LR, progress, step))
        step += 1
        if step % 20 == 0:
            right = (logits.argmax(1) == torch.arange(BATCH, device=logits.device)).float().mean()
            print(f"step {step} contrast {loss.item():.3f} naming {naming.item():.3f} right one of {BATCH}: {100 * right:.0f} % ({100 * progress:.0f} %)", flush=True)
    save_state({"judge": judge.state_dict(), "heads": heads.state_dict()}, chosen.work / "judge_a.pt")
    judge.eval().cpu().to(torch.float16).save_pretrained(chosen.to)
    shutil.copytree(chosen.work / "tokenizer", chosen.to, dirs_exist_ok=True)
    (chosen.to / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR, indent=2) + "\n")
    measure(CLIPModel.from_pretrained(chosen.to, dtype=torch.float32).eval(), tokenizer, chosen.work)


@torch.no_grad()
def measure(judge: CLIPModel, tokenizer, work: Path) -> None:
    """Retrieval among 20 unseen renderings; and whether the triggers of a present concept score above those of an absent one of its category."""
    scenes = sample_concept_scenes(SHARD, TEST_SEED)
    pictures = rendered_concept_scenes(work, scenes, TEST_SEED).float() / 255
    randomness = random.Random(2)
    texts = [text_of(scenes, row, randomness) for row in range(SHARD)]
    seen, read, _ = (torch.cat(parts) for parts in zip(*(features(judge, pictures[k:k + 64], tokenize(tokenizer, texts[k:k + 64])) for k in range(0, SHARD, 64)), strict=True))
    right = [(seen[k:k + 20] @ read[k:k + 20].T).argmax(1) == torch.arange(20) for k in range(0, SHARD - 20, 20)]
    print(f"unseen true renderings: right text of 20 {100 * torch.cat(right).float().mean():.1f} %")
    phrases = [", ".join(concept.triggers) for concept in CONCEPTS.values()]
    asked = features(judge, pictures[:len(phrases)], tokenize(tokenizer, phrases))[1]
    scores, labels = seen @ asked.T, concept_labels(scenes).bool()
    for k, (name, concept) in enumerate(CONCEPTS.items()):
        rows = labels[:, k]
        rivals = [other for other, each in enumerate(CONCEPTS.values()) if each.category == concept.category and other != k]
        won = (scores[rows, k] > scores[rows][:, rivals].amax(1)).float().mean()
        print(f"  {name:20} its triggers above its category's others {100 * won:.1f} %; mean cosine {scores[rows, k].mean():.3f}, where absent {scores[~rows, k].mean():.3f}")


if __name__ == "__main__":
    main()
