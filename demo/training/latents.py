"""Latents of the pool's drawings, encoded once, so that the U-Net's training renders and encodes nothing.

    python latents.py --work FOLDER --shards 48

Stored as float16, already multiplied by the scaling factor: [1024, 8, 16, 16] a shard, 4 MB.
A shard whose pictures are not in the pool is rendered on the way and its pictures are not kept.
"""

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from pool import load_shard, render_bytes, shard_path, shard_scenes, to_model_range
from work_folder import load_state, parser, save_state


def latents_path(work: Path, shard: int) -> Path:
    return work / "latents" / f"{shard:04d}.pt"


def latent_shards(work: Path) -> list[int]:
    return sorted(int(path.stem) for path in (work / "latents").glob("*.pt"))


def load_latents(work: Path, shard: int) -> Tensor:
    return load_state(latents_path(work, shard))["latents"]


@torch.no_grad()
def encode(vae: AutoencoderKL, pictures: Tensor, batch: int = 16) -> Tensor:
    """uint8 pictures to scaled latents, on the VAE's device."""
    parts = []
    for part in pictures.split(batch):
        with torch.autocast(vae.device.type, torch.bfloat16):
            latent = vae.encode(to_model_range(part).to(vae.device)).latent_dist.mode()
        parts.append(latent.float() * vae.config.scaling_factor)
    return torch.cat(parts)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--shards", type=int, default=48)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    vae = AutoencoderKL.from_pretrained(chosen.work / "vae").eval().to(chosen.device)
    for shard in range(chosen.shards):
        if latents_path(chosen.work, shard).exists():
            continue
        is_pooled = shard_path(chosen.work, shard).exists()
        pictures = load_shard(chosen.work, shard) if is_pooled else render_bytes(shard_scenes(shard).to(chosen.device)).cpu()
        save_state({"latents": encode(vae, pictures).half().cpu()}, latents_path(chosen.work, shard))
        print(f"latents of shard {shard}", flush=True)


if __name__ == "__main__":
    main()
