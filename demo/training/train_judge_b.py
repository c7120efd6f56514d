"""Train judge B on true renderings with and without concepts; measure it on unseen ones.

    python train_judge_b.py --work FOLDER --to ../judges/b [--pictures 8192] [--minutes 8]

Half of each batch is blurred, shifted in colour and made noisy, so that the judge reads a generator's
slightly soft pictures as it reads clean ones.
"""

import random
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from concept_sets import concept_labels, rendered_concept_scenes, sample_concept_scenes, visible_slot
from judge_b import PRESENT_AT, JudgeB, save_judge
from pool import render_bytes
from work_folder import parser
from world.concepts import CONCEPTS
from world.scenes import SLOTS, Scenes

BATCH = 64
PEAK_LR = 2e-3
TRAIN_SEED, TEST_SEED = 5_000_000, 6_000_000
SHARD = 1024
TEST_PICTURES = 1024


def softened(pictures: Tensor) -> Tensor:
    """Blur, tint and noise, each picture its own amount."""
    count = len(pictures)
    amount = torch.rand(count, 1, 1, 1)
    blurred = functional.avg_pool2d(pictures, 3, stride=1, padding=1, count_include_pad=False)
    mixed = torch.lerp(pictures, blurred, amount)
    tinted = mixed * (1 + 0.1 * torch.randn(count, 3, 1, 1)) + 0.04 * torch.randn(count, 3, 1, 1)
    return (tinted + 0.05 * torch.rand(count, 1, 1, 1) * torch.randn_like(pictures)).clamp(0, 1)


def loss_of(judge: JudgeB, pictures: Tensor, concepts: Tensor, slots: dict[str, Tensor]) -> Tensor:
    """slots: value index, or -1 where the slot does not show."""
    with torch.autocast(pictures.device.type, torch.bfloat16):
        concept_logits, slot_logits = judge(pictures)
    loss = 4 * functional.binary_cross_entropy_with_logits(concept_logits.float(), concepts)
    for slot, logits in slot_logits.items():
        loss = loss + functional.cross_entropy(logits.float(), slots[slot], ignore_index=-1) / len(slot_logits)
    return loss


def slot_targets(scenes: Scenes) -> dict[str, Tensor]:
    return {slot: torch.where(visible_slot(scenes, slot), scenes.slots[slot], -1) for slot in SLOTS}


def measure(judge: JudgeB, scenes: Scenes, pictures: Tensor) -> None:
    found, true = judge.concepts_found(pictures), concept_labels(scenes).bool()
    for k, name in enumerate(CONCEPTS):
        hit, miss = found[true[:, k], k].float().mean(), (~found[~true[:, k], k]).float().mean()
        print(f"  {name:20} found {100 * hit:.1f} %  absent left out {100 * miss:.1f} %")
    for slot, scores in judge.slot_scores(pictures).items():
        shown = visible_slot(scenes, slot)
        print(f"  {slot:20} right {100 * (scores.argmax(1) == scenes.slots[slot])[shown].float().mean():.1f} %")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--to", type=Path, required=True)
    options.add_argument("--pictures", type=int, default=8192)
    options.add_argument("--minutes", type=float, default=8)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(0)
    scenes = [sample_concept_scenes(SHARD, TRAIN_SEED + k) for k in range(chosen.pictures // SHARD)]
    pictures = torch.cat([rendered_concept_scenes(chosen.work, part, TRAIN_SEED + k) for k, part in enumerate(scenes)])
    concepts = torch.cat([concept_labels(part) for part in scenes])
    parts = [slot_targets(part) for part in scenes]
    slots = {slot: torch.cat([part[slot] for part in parts]) for slot in SLOTS}
    judge = JudgeB().to(chosen.device)
    optimizer = torch.optim.AdamW(judge.parameters(), PEAK_LR, weight_decay=0.02)
    started, step = time.monotonic(), 0
    while (progress := (time.monotonic() - started) / (chosen.minutes * 60)) < 1:
        rows = torch.randint(len(pictures), (BATCH,))
        batch = pictures[rows].float() / 255
        batch[: BATCH // 2] = softened(batch[: BATCH // 2])
        if random.random() < 0.5:
            batch = batch.flip(3)
        for group in optimizer.param_groups:
            group["lr"] = PEAK_LR * min(1, (step + 1) / 50) * (1 - progress)
        loss = loss_of(judge, batch.to(chosen.device), concepts[rows].to(chosen.device), {slot: values[rows].to(chosen.device) for slot, values in slots.items()})
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        if step % 50 == 0:
            print(f"step {step} loss {loss.item():.4f} ({100 * progress:.0f} %)", flush=True)
    judge.eval().cpu()
    save_judge(judge, chosen.to)
    test = sample_concept_scenes(TEST_PICTURES, TEST_SEED)
    print(f"true renderings, unseen, threshold {PRESENT_AT}:")
    measure(judge, test, render_bytes(test).float() / 255)


if __name__ == "__main__":
    main()
