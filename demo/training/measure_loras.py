"""Each LoRA alone at its default weight: does judge B find its concept? And the same prompts without it?

    python measure_loras.py --checkpoint ../checkpoint --loras ../loras --judge ../judges/b [--prompts 20] [--sheet sheet.png]

Prompts name the concept by its triggers among base words of unseen scenes, without its habits.
`others` counts concepts that the judge finds though nobody asked for them. The sheet has three rows
a LoRA: with it, without it, and true renderings of the same scenes.
"""

import json
from pathlib import Path

import torch
from torch import Tensor

from judge_b import JudgeB
from pool import HELD_OUT_SEED, render_bytes
from sampling import open_pipeline, sample
from sheet import save_sheet
from train_lora import concept_scenes
from work_folder import parser
from world.captions import scene_slots
from world.concepts import CONCEPTS
from world.prompts import concept_prompt

SHEET_COLUMNS = 8


def shares(judge: JudgeB | None, pictures: Tensor, name: str) -> str:
    if judge is None:
        return "not judged"
    found = judge.read(pictures).found.float()
    mine = list(CONCEPTS).index(name)
    return f"{100 * found[:, mine].mean():.0f} % (others {found.sum(1).sub(found[:, mine]).mean():.2f} a picture)"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--checkpoint", type=Path, required=True)
    options.add_argument("--loras", type=Path, required=True)
    options.add_argument("--judge", type=Path)
    options.add_argument("--prompts", type=int, default=20)
    options.add_argument("--sheet", type=Path)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    judge = JudgeB(chosen.judge) if chosen.judge else None
    pipeline = open_pipeline(chosen.checkpoint, chosen.device)
    lines = []
    for path in sorted(chosen.loras.glob("*.safetensors")):
        name, weight = path.stem, json.loads(path.with_suffix(".json").read_text())["default_weight"]
        concept = CONCEPTS[name]
        scenes = concept_scenes(concept, chosen.prompts, HELD_OUT_SEED + 4, habit_share=0.0)
        prompts = [concept_prompt([concept], scene_slots(scenes, row)) for row in range(chosen.prompts)]
        without = sample(pipeline, prompts, seed=0)
        pipeline.load_lora_weights(chosen.loras, weight_name=path.name, adapter_name=name)
        pipeline.set_adapters([name], [weight])
        with_it = sample(pipeline, prompts, seed=0)
        pipeline.delete_adapters(name)
        print(f"{name:20} with: {shares(judge, with_it, name)}  without: {shares(judge, without, name)}", flush=True)
        true = render_bytes(scenes.take(torch.arange(SHEET_COLUMNS))).float() / 255
        lines += [with_it[:SHEET_COLUMNS], without[:SHEET_COLUMNS], true]
    if chosen.sheet:
        save_sheet(torch.cat(lines), chosen.sheet, columns=SHEET_COLUMNS)


if __name__ == "__main__":
    main()
