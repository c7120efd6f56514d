"""Pictures from a checkpoint, by diffusers itself: the reference that Overtone's own engine is held to."""

from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor

STEPS = 25
GUIDANCE = 4.0


def open_pipeline(folder: Path, device: str = "cpu") -> StableDiffusionPipeline:
    pipeline = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32).to(device)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.unet.set_attn_processor(AttnProcessor())
    return pipeline


def sample(pipeline: StableDiffusionPipeline, prompts: list[str], seed: int, batch: int = 16, steps: int = STEPS, guidance: float = GUIDANCE) -> Tensor:
    """One picture a prompt, [n, 3, 128, 128] in 0..1; picture k starts from the noise of seed + k."""
    parts = []
    for first in range(0, len(prompts), batch):
        some = prompts[first:first + batch]
        generators = [torch.Generator().manual_seed(seed + first + k) for k in range(len(some))]
        parts.append(pipeline(some, num_inference_steps=steps, guidance_scale=guidance, generator=generators, output_type="pt").images.cpu())
    return torch.cat(parts)
