"""Contact sheets made by Overtone itself, not by diffusers: what a user of the checkpoint will see.

    python overtone_sheets.py --to ../sheets [--base 24] [--each 4]

Runs `overtone generate` for every picture and only puts the files together. base.png holds full
captions of scenes that training never saw; loras.png has one row a LoRA, prompts without its habits. 0 leaves a sheet as it is.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy
import torch
from PIL import Image
from torch import Tensor

from pool import HELD_OUT_SEED
from sheet import save_sheet
from train_lora import concept_scenes
from work_folder import parser
from world.captions import full_caption, scene_slots
from world.concepts import CONCEPTS
from world.prompts import concept_prompt
from world.scenes import sample_scenes

DEMO = Path(__file__).resolve().parent.parent


def generate(prompt: str, seed: int, lora: Path | None = None) -> Tensor:
    """One picture [3, 128, 128] in 0..1, with the checkpoint's own defaults."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "picture.png"
        command = ["node", str(DEMO.parent / "bin" / "overtone.mjs"), "generate", "--model", str(DEMO / "checkpoint"), "--prompt", prompt]
        command += ["--seed", str(seed), "--out", str(out)]
        subprocess.run(command + (["--lora", str(lora)] if lora else []), check=True, capture_output=True)
        return torch.from_numpy(numpy.array(Image.open(out).convert("RGB"))).permute(2, 0, 1) / 255


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--to", type=Path, required=True)
    options.add_argument("--base", type=int, default=24)
    options.add_argument("--each", type=int, default=4)
    chosen = options.parse_args()
    if chosen.base:
        _base_sheet(chosen.to, chosen.base)
    if chosen.each:
        _lora_sheet(chosen.to, chosen.each)


def _base_sheet(folder: Path, count: int) -> None:
    scenes = sample_scenes(count, HELD_OUT_SEED + 1)
    prompts = [full_caption(scene_slots(scenes, row)) for row in range(count)]
    save_sheet(torch.stack([generate(prompt, seed) for seed, prompt in enumerate(prompts)]), folder / "base.png", columns=8)
    (folder / "base.txt").write_text("\n".join(prompts) + "\n")


def _lora_sheet(folder: Path, each: int) -> None:
    rows, prompts = [], []
    for path in sorted((DEMO / "loras").glob("*.safetensors")):
        concept = CONCEPTS[path.stem]
        scenes = concept_scenes(concept, each, HELD_OUT_SEED + 4, habit_share=0.0)
        for row in range(each):
            prompts.append(concept_prompt([concept], scene_slots(scenes, row)))
            rows.append(generate(prompts[-1], row, path))
    save_sheet(torch.stack(rows), folder / "loras.png", columns=each)
    (folder / "loras.txt").write_text("\n".join(prompts) + "\n")


if __name__ == "__main__":
    main()
