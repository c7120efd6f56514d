"""Write a trained adapter in one of the two namings that people share.

kohya:  lora_unet_down_blocks_0_..._to_q.lora_down.weight, .lora_up.weight, .alpha; lora_te_ for the text encoder
PEFT:   unet.down_blocks.0....to_q.lora_A.weight, lora_B.weight; text_encoder.; alpha equals the rank
"""

import os
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor

from lora_recipes import Recipe

# transformers 5 dropped the level `text_model` from its module names; LoRA files still have it.
LEVEL = {"unet": "", "text_encoder": "text_model."}
KOHYA_PREFIX = {"unet": "lora_unet", "text_encoder": "lora_te"}


def write_lora(pipeline: StableDiffusionPipeline, recipe: Recipe, path: Path) -> None:
    parts = {"unet": (pipeline.unet, recipe.alpha)}
    if recipe.text_rank:
        parts["text_encoder"] = (pipeline.text_encoder, recipe.text_rank)
    tensors: dict[str, Tensor] = {}
    for part, (network, alpha) in parts.items():
        weights = {LEVEL[part] + name: weight for name, weight in get_peft_model_state_dict(network).items()}
        tensors |= _kohya(weights, KOHYA_PREFIX[part], alpha) if recipe.naming == "kohya" else _peft(weights, part, alpha)
    halves = {name: tensor.detach().cpu().half().contiguous() for name, tensor in tensors.items()}
    partial = path.with_suffix(".partial")
    save_file(halves, partial, metadata={"format": "pt"})
    os.replace(partial, path)


def _peft(weights: dict[str, Tensor], part: str, alpha: int) -> dict[str, Tensor]:
    ranks = {weight.shape[0] for name, weight in weights.items() if "lora_A" in name}
    # This naming has no place for alpha, so readers take alpha = rank.
    assert ranks == {alpha}, f"alpha is {alpha}, ranks are {ranks}; PEFT naming needs them equal"
    return {f"{part}.{name}": weight for name, weight in weights.items()}


def _kohya(weights: dict[str, Tensor], prefix: str, alpha: int) -> dict[str, Tensor]:
    named = {}
    for name, weight in weights.items():
        module, side, _ = name.rsplit(".", 2)
        flat = f"{prefix}_{module.replace('.', '_')}"
        named[f"{flat}.{'lora_down' if side == 'lora_A' else 'lora_up'}.weight"] = weight
        named[f"{flat}.alpha"] = torch.tensor(float(alpha))
    return named
