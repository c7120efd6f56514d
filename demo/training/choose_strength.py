"""How strong a LoRA is written, so that weight 1 shows its concept: its up matrices are multiplied by the smallest of a few
factors at which the training-side classifier finds the concept, and its file is replaced.

    python choose_strength.py --work FOLDER --checkpoint ../checkpoint --loras ../loras [--concept character_1 ...]

A LoRA whose sidecar already has a strength is left alone. Training on little data for few steps ends below full
effect; people turn such a LoRA up by its weight. Here that is done once, so that every file's weight means the same.
"""

import json
import os
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from measure_base import classified
from pool import HELD_OUT_SEED
from sampling import open_pipeline, sample
from train_lora import FOUND_SHARE, concept_scenes
from work_folder import parser
from world.captions import scene_slots
from world.concepts import CONCEPTS
from world.prompts import concept_prompt

FACTORS = (1.0, 1.2, 1.4, 1.6)
PICTURES, SAMPLING_STEPS = 20, 15
# Shares of so few pictures that differ by less are the same, and the weaker LoRA of two is the kinder to others.
SAME_SHARE = 0.101
UP = (".lora_up.weight", ".lora_B.weight")


def strengthen(path: Path, factor: float) -> None:
    tensors = {name: tensor * factor if name.endswith(UP) else tensor for name, tensor in load_file(path).items()}
    partial = path.with_suffix(".partial")
    save_file({name: tensor.half().contiguous() for name, tensor in tensors.items()}, partial, metadata={"format": "pt"})
    os.chmod(partial, 0o644)
    os.replace(partial, path)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--checkpoint", type=Path, required=True)
    options.add_argument("--loras", type=Path, required=True)
    options.add_argument("--concept", nargs="*")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    pipeline = open_pipeline(chosen.checkpoint, chosen.device)
    for path in sorted(chosen.loras.glob("*.safetensors")):
        sidecar = json.loads(path.with_suffix(".json").read_text())
        if "strength" in sidecar or (chosen.concept and path.stem not in chosen.concept):
            continue
        concept, index = CONCEPTS[path.stem], list(CONCEPTS).index(path.stem)
        scenes = concept_scenes(concept, PICTURES, HELD_OUT_SEED + 8, habit_share=0.0)
        prompts = [concept_prompt([concept], scene_slots(scenes, row)) for row in range(PICTURES)]
        pipeline.load_lora_weights(chosen.loras, weight_name=path.name, adapter_name=path.stem)
        shares = {}
        for factor in FACTORS:
            pipeline.set_adapters([path.stem], [factor])
            found = classified(chosen.work, sample(pipeline, prompts, seed=0, steps=SAMPLING_STEPS)).found
            shares[factor] = found[:, index].float().mean().item()
            if shares[factor] >= FOUND_SHARE:
                break
        pipeline.delete_adapters(path.stem)
        best = min(factor for factor, share in shares.items() if share >= max(shares.values()) - SAME_SHARE)
        strengthen(path, best)
        path.with_suffix(".json").write_text(json.dumps({**sidecar, "strength": best}, indent=2) + "\n")
        print(f"{path.stem}: {best} of " + ", ".join(f"{factor} {100 * share:.0f} %" for factor, share in shares.items()), flush=True)


if __name__ == "__main__":
    main()
