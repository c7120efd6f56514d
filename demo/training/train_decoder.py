"""Sharpen the finished VAE's decoder; the encoder, and so every latent, stays as it is.

    python train_decoder.py --work FOLDER --minutes 12

The U-Net and the LoRAs live in latents, so this may run beside their training or after it. The
decoder sees what it will be given: the encoder's means, not samples around them, with a little noise as
a U-Net leaves. --minutes counts the processor's time over all runs. Prints the round trip on unseen
drawings, base and concepts, as `finish_vae.py` does, and writes the VAE back where it was.
"""

import os
import random
import shutil
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from finish_vae import report_round_trip
from muon import Optimizers
from pool import HELD_OUT_SEED, load_shard, render_bytes, shards_present, to_model_range
from schedule import learning_rate
from texture import textured
from train_vae import BATCHES_PER_SHARD, psnr_db, reconstruction_loss, round_trip
from work_folder import Pace, load_state, parser, save_state
from world.scenes import sample_scenes

BATCH = 4
EMA_DECAY = 0.995
LOG_EVERY_STEPS = 100
# Deviation of the noise, where latents have deviation 1.
NOISE = 0.03


def decoder_of(vae: AutoencoderKL) -> torch.nn.ModuleDict:
    return torch.nn.ModuleDict({"decoder": vae.decoder, "post_quant_conv": vae.post_quant_conv})


@torch.no_grad()
def encoded(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    with torch.autocast(pictures.device.type, torch.bfloat16):
        latents = vae.encode(pictures).latent_dist.mode().float()
    return latents + NOISE / vae.config.scaling_factor * torch.randn_like(latents)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--minutes", type=float, default=12)
    options.add_argument("--peak-lr", type=float, default=1e-3)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    path, folder = chosen.work / "decoder.pt", chosen.work / "vae"
    vae = AutoencoderKL.from_pretrained(folder).to(chosen.device)
    averaged = AutoencoderKL.from_pretrained(folder).to(chosen.device)
    vae.encoder.requires_grad_(False)
    vae.quant_conv.requires_grad_(False)
    part, average = decoder_of(vae), decoder_of(averaged)
    optimizers = Optimizers([part], chosen.peak_lr, ends=("decoder.conv_out",))
    state = load_state(path) or {"step": 0, "spent_s": 0.0}
    if state["step"]:
        part.load_state_dict(state["part"])
        average.load_state_dict(state["average"])
        optimizers.load_state_dict(state["optimizers"])
    step, spent_s = state["step"], state["spent_s"]
    torch.manual_seed(step)
    random.seed(step)
    unseen = to_model_range(render_bytes(sample_scenes(64, HELD_OUT_SEED))).to(chosen.device)
    clock = time.process_time if chosen.device == "cpu" else time.monotonic
    budget_s = chosen.minutes * 60 * (chosen.threads if chosen.device == "cpu" else 1)
    pace, shard = Pace(), None

    def save() -> None:
        save_state({"part": part.state_dict(), "average": average.state_dict(), "optimizers": optimizers.state_dict(), "step": step, "spent_s": spent_s}, path)

    while spent_s < budget_s:
        started = clock()
        if shard is None or step % BATCHES_PER_SHARD == 0:
            shard = load_shard(chosen.work, random.choice(shards_present(chosen.work)))
        pictures = (textured(shard[torch.randint(len(shard), (BATCH,))].float() / 255) * 2 - 1).to(chosen.device)
        if random.random() < 0.5:
            pictures = pictures.flip(3)
        latents = encoded(vae, pictures)
        with torch.autocast(pictures.device.type, torch.bfloat16):
            made = vae.decode(latents).sample
        loss = reconstruction_loss(made.float(), pictures)
        loss.backward()
        optimizers.step(learning_rate(chosen.peak_lr, spent_s / budget_s, step))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(part.parameters()), 1 - min(EMA_DECAY, step / (step + 10)))
        step += 1
        spent_s += clock() - started
        if step % LOG_EVERY_STEPS == 0:
            rate = LOG_EVERY_STEPS * BATCH / pace.seconds_since_log()
            print(f"step {step} loss {loss.item():.4f} unseen {psnr_db(round_trip(averaged, unseen), unseen).mean():.2f} dB {rate:.1f} pictures/s spent {spent_s / 60:.1f} min", flush=True)
        if pace.is_save_due():
            save()
    save()
    _replace(folder, averaged)
    report_round_trip(averaged)


def _replace(folder: Path, vae: AutoencoderKL) -> None:
    fresh = folder.with_name(folder.name + ".partial")
    shutil.rmtree(fresh, ignore_errors=True)
    vae.save_pretrained(fresh)
    shutil.rmtree(folder)
    os.replace(fresh, folder)


if __name__ == "__main__":
    main()
