"""A pool of base drawings on disk, in shards: rendering costs more than one training step, so each
drawing is made once and used many times (and mirrored). Shard k holds the scenes of seed k.

    python pool.py --work FOLDER --shards 48
"""

from pathlib import Path

import torch
from torch import Tensor

from work_folder import load_state, parser, save_state
from world.render import render
from world.scenes import Scenes, sample_scenes

SHARD_PICTURES = 1024
RENDER_BATCH = 16
# Seeds from here on are for measuring: no training script may draw from them.
HELD_OUT_SEED = 1_000_000


def shard_scenes(shard: int) -> Scenes:
    return sample_scenes(SHARD_PICTURES, seed=shard)


def render_bytes(scenes: Scenes) -> Tensor:
    """Pictures as uint8 [n, 3, 128, 128]."""
    parts = torch.arange(len(scenes), device=scenes.noise.device).split(RENDER_BATCH)
    return torch.cat([(render(scenes.take(rows)) * 255).round().byte() for rows in parts])


def shard_path(work: Path, shard: int) -> Path:
    return work / "pool" / f"{shard:04d}.pt"


def load_shard(work: Path, shard: int) -> Tensor:
    return load_state(shard_path(work, shard))["pictures"]


def shards_present(work: Path) -> list[int]:
    return sorted(int(path.stem) for path in (work / "pool").glob("*.pt"))


def to_model_range(pictures: Tensor) -> Tensor:
    """uint8 -> -1..1, as the VAE sees pictures."""
    return pictures.float() / 127.5 - 1


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--shards", type=int, default=48)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    for shard in range(chosen.shards):
        if not shard_path(chosen.work, shard).exists():
            pictures = render_bytes(shard_scenes(shard).to(chosen.device)).cpu()
            save_state({"pictures": pictures}, shard_path(chosen.work, shard))
            print(f"shard {shard}: {len(pictures)} pictures", flush=True)


if __name__ == "__main__":
    main()
