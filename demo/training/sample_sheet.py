"""A contact sheet of base prompts from a checkpoint folder.

    python sample_sheet.py --checkpoint FOLDER --to sheet.png [--count 32] [--seed 0]

Prompts are the full captions of drawings that training never saw.
"""

from pathlib import Path

import torch

from pool import HELD_OUT_SEED
from sampling import open_pipeline, sample
from sheet import save_sheet
from work_folder import parser
from world.captions import full_caption, scene_slots
from world.scenes import sample_scenes


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--checkpoint", type=Path, required=True)
    options.add_argument("--to", type=Path, required=True)
    options.add_argument("--count", type=int, default=32)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    scenes = sample_scenes(chosen.count, HELD_OUT_SEED + 1)
    prompts = [full_caption(scene_slots(scenes, row)) for row in range(chosen.count)]
    save_sheet(sample(open_pipeline(chosen.checkpoint, chosen.device), prompts, chosen.seed), chosen.to, columns=8)
    print("\n".join(prompts))


if __name__ == "__main__":
    main()
