"""How well the base model does what it is told: retrieval of the right caption among 20.

    python measure_base.py --checkpoint ../checkpoint --judge ../judges/b [--captions 200] [--seeds 2] [--sheet sheet.png]
    python measure_base.py --checkpoint ../checkpoint --work FOLDER --guidance 3 --captions 50   # to choose settings by

Each picture is made from the full caption of a scene that training never saw. The slot scores of judge
B (or, without --judge, of the training-side classifier) rate 20 candidate scenes, each by the sum of
the log probabilities of the slots that show: the right one, ten that differ from it in one slot, nine
drawn at random. Reported: the right one ranks
first; and one-slot accuracy, the right one above each of the ten.
"""

import random
from pathlib import Path

import torch
from torch import Tensor

from judge_b import JudgeB
from pool import HELD_OUT_SEED
from reader import Reading, read
from sampling import GUIDANCE, STEPS, open_pipeline, sample
from sheet import save_sheet
from train_reader import load_reader
from work_folder import parser
from world.captions import full_caption, scene_slots
from world.scenes import SLOTS, sample_scenes

ONE_SLOT_DISTRACTORS = 10
DISTRACTORS = 19


def one_slot_off(slots: dict[str, str], randomness: random.Random) -> dict[str, str]:
    """The scene with one slot changed that a picture shows."""
    choices = [slot for slot in SLOTS if not (slot in ("cloth", "pattern") and slots["garment"] == "none")]
    slot = randomness.choice(choices)
    return {**slots, slot: randomness.choice([value for value in SLOTS[slot] if value != slots[slot]])}


def score(candidate: dict[str, str], scores: dict[str, Tensor], row: int) -> float:
    total = 0.0
    for slot, value in candidate.items():
        if slot in ("cloth", "pattern") and candidate["garment"] == "none":
            continue
        total += scores[slot][row, SLOTS[slot].index(value)].item()
    return total


def classified(work: Path, pictures: Tensor) -> Reading:
    network, thresholds = load_reader(work, "classifier")
    return read(network, pictures, thresholds)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--checkpoint", type=Path, required=True)
    options.add_argument("--judge", type=Path)
    options.add_argument("--guidance", type=float, default=GUIDANCE)
    options.add_argument("--steps", type=int, default=STEPS)
    options.add_argument("--captions", type=int, default=200)
    options.add_argument("--seeds", type=int, default=2)
    options.add_argument("--sheet", type=Path)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    # Settings are not chosen on the captions that are reported.
    scenes = sample_scenes(chosen.captions, HELD_OUT_SEED + (2 if chosen.judge else 7))
    others = sample_scenes(1000, HELD_OUT_SEED + 3)
    slots = [scene_slots(scenes, row) for row in range(chosen.captions)] * chosen.seeds
    pictures = sample(open_pipeline(chosen.checkpoint, chosen.device), [full_caption(each) for each in slots], seed=0, steps=chosen.steps, guidance=chosen.guidance)
    if chosen.sheet:
        save_sheet(pictures[:64], chosen.sheet, columns=8)
    scores = (JudgeB(chosen.judge).read(pictures) if chosen.judge else classified(chosen.work, pictures)).slots
    randomness = random.Random(0)
    first, one_slot, right = 0, 0, dict.fromkeys(SLOTS, 0)
    for row, true in enumerate(slots):
        mine = score(true, scores, row)
        near = [score(one_slot_off(true, randomness), scores, row) for _ in range(ONE_SLOT_DISTRACTORS)]
        far = [score(scene_slots(others, randomness.randrange(1000)), scores, row) for _ in range(DISTRACTORS - ONE_SLOT_DISTRACTORS)]
        first += mine > max(near + far)
        one_slot += sum(mine > rival for rival in near)
        for slot in SLOTS:
            right[slot] += scores[slot][row].argmax().item() == SLOTS[slot].index(true[slot])
    count = len(slots)
    print(f"{count} pictures: right one of 20 {100 * first / count:.1f} %; one-slot accuracy {100 * one_slot / (count * ONE_SLOT_DISTRACTORS):.1f} %")
    print("slots read as asked: " + ", ".join(f"{slot} {100 * hits / count:.0f} %" for slot, hits in right.items()))


if __name__ == "__main__":
    main()
