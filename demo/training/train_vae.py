"""Train the VAE: 128x128 pictures to 16x16 latents and back. Runs until --minutes of training are
spent, over as many runs as it takes (the state counts them).

    python train_vae.py --work FOLDER --minutes 28 [--batch 4] [--peak-lr 1.5e-3]

Loss: L1, gradients at three scales (so that edges stay crisp), a whisper of KL so that latents stay
smooth. Judged by PSNR on drawings that training never saw; the gate is 28 dB.
"""

import random
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from torch.nn import functional

from muon import Optimizers
from pool import HELD_OUT_SEED, load_shard, render_bytes, shards_present, to_model_range
from schedule import learning_rate
from texture import textured
from work_folder import Pace, load_state, parser, save_state
from world.scenes import sample_scenes

KL_WEIGHT = 1e-6
GRADIENT_WEIGHT = 0.5
EMA_DECAY = 0.995
LOG_EVERY_STEPS = 100
# A shard stays in memory for this many batches: reading one takes longer than a step.
BATCHES_PER_SHARD = 64


def make_vae() -> AutoencoderKL:
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=8, sample_size=128,
        block_out_channels=(16, 32, 64, 96), layers_per_block=1, norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )


def loss_of(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    with torch.autocast(pictures.device.type, torch.bfloat16):
        posterior = vae.encode(pictures).latent_dist
        made = vae.decode(posterior.sample()).sample
    return reconstruction_loss(made.float(), pictures) + KL_WEIGHT * posterior.kl().mean()


def reconstruction_loss(made: Tensor, pictures: Tensor) -> Tensor:
    """L1, of the pictures and of their gradients at three scales."""
    loss = functional.l1_loss(made, pictures)
    for scale in (1, 2, 4):
        small_made, small_true = functional.avg_pool2d(made, scale), functional.avg_pool2d(pictures, scale)
        for axis in (2, 3):
            loss = loss + GRADIENT_WEIGHT / 3 * functional.l1_loss(small_made.diff(dim=axis), small_true.diff(dim=axis))
    return loss


@torch.no_grad()
def round_trip(vae: AutoencoderKL, pictures: Tensor, batch: int = 32) -> Tensor:
    """Decode the mean of what each picture encodes to; -1..1."""
    return torch.cat([vae.decode(vae.encode(part).latent_dist.mode()).sample.clamp(-1, 1) for part in pictures.split(batch)])


def psnr_db(made: Tensor, true: Tensor) -> Tensor:
    """Per picture, over the range -1..1."""
    return 10 * torch.log10(4 / (made - true).pow(2).mean((1, 2, 3)))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--minutes", type=float, default=28)
    options.add_argument("--batch", type=int, default=4)
    options.add_argument("--peak-lr", type=float, default=1.5e-3)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    path = chosen.work / "vae.pt"
    vae = make_vae().to(chosen.device)
    averaged = make_vae().to(chosen.device)
    optimizers = Optimizers([vae], chosen.peak_lr, ends=("encoder.conv_in", "decoder.conv_out"))
    state = load_state(path) or {"step": 0, "spent_s": 0.0}
    if state["step"]:
        vae.load_state_dict(state["vae"])
        averaged.load_state_dict(state["averaged"])
        optimizers.load_state_dict(state["optimizers"])
    step, spent_s = state["step"], state["spent_s"]
    unseen = to_model_range(render_bytes(sample_scenes(64, HELD_OUT_SEED))).to(chosen.device)
    pace, shard = Pace(), None

    while spent_s < chosen.minutes * 60:
        started = time.monotonic()
        if shard is None or step % BATCHES_PER_SHARD == 0:
            shard = load_shard(chosen.work, random.choice(shards_present(chosen.work)))
        pictures = textured(shard[torch.randint(len(shard), (chosen.batch,))].float() / 255) * 2 - 1
        if random.random() < 0.5:
            pictures = pictures.flip(3)
        pictures = pictures.to(chosen.device)
        loss = loss_of(vae, pictures)
        loss.backward()
        optimizers.step(learning_rate(chosen.peak_lr, spent_s / (chosen.minutes * 60), step))
        _average(averaged, vae, min(EMA_DECAY, step / (step + 10)))
        step += 1
        spent_s += time.monotonic() - started
        if step % LOG_EVERY_STEPS == 0:
            rate = LOG_EVERY_STEPS * chosen.batch / pace.seconds_since_log()
            quality = psnr_db(round_trip(averaged, unseen), unseen).mean()
            print(f"step {step} loss {loss.item():.4f} unseen {quality:.2f} dB {rate:.1f} pictures/s spent {spent_s / 60:.1f} min", flush=True)
        if pace.is_save_due():
            _save(path, vae, averaged, optimizers, step, spent_s)
    _save(path, vae, averaged, optimizers, step, spent_s)


@torch.no_grad()
def _average(averaged: AutoencoderKL, vae: AutoencoderKL, decay: float) -> None:
    torch._foreach_lerp_(list(averaged.parameters()), list(vae.parameters()), 1 - decay)


def _save(path: Path, vae, averaged, optimizers, step: int, spent_s: float) -> None:
    save_state({
        "vae": vae.state_dict(), "averaged": averaged.state_dict(), "optimizers": optimizers.state_dict(),
        "step": step, "spent_s": spent_s,
    }, path)


if __name__ == "__main__":
    main()
