"""Train the text encoder and the U-Net together on the pool's latents. Runs until --minutes of
training are spent, over as many runs as it takes.

    python train_model.py --work FOLDER --minutes 80 [--batch 32] [--peak-lr 1.5e-3]

On a GPU: --device cuda --batch 1024 --peak-lr 3e-3.
"""

import random
import time
from pathlib import Path

import torch
from torch import Tensor

from diffusion import diffusion_loss, make_scheduler
from latents import latent_shards, load_latents
from muon import Optimizers
from networks import make_text_encoder, make_unet
from pool import shard_scenes
from schedule import learning_rate
from tokenizer import load_tokenizer, tokenize
from work_folder import Pace, load_state, parser, save_state
from world.captions import caption, scene_slots

EMPTY_SHARE = 0.1
EMA_DECAY = 0.999
LOG_EVERY_STEPS = 50
UNET_ENDS = ("conv_in", "conv_out")


class Examples:
    """Latents with the slots of their scenes, grown when new shards appear on disk."""

    def __init__(self, work: Path):
        self.work = work
        self.latents: list[Tensor] = []
        self.slots: list[dict[str, str]] = []

    def load_new(self) -> None:
        for shard in latent_shards(self.work)[len(self.latents):]:
            scenes = shard_scenes(shard)
            self.slots += [scene_slots(scenes, row) for row in range(len(scenes))]
            self.latents.append(load_latents(self.work, shard))

    def draw(self, count: int, randomness: random.Random) -> tuple[Tensor, list[str]]:
        shard_size = len(self.latents[0])
        rows = [randomness.randrange(len(self.slots)) for _ in range(count)]
        latents = torch.stack([self.latents[row // shard_size][row % shard_size] for row in rows]).float()
        texts = ["" if randomness.random() < EMPTY_SHARE else caption(self.slots[row], randomness) for row in rows]
        return latents, texts


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--minutes", type=float, default=80)
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--peak-lr", type=float, default=1.5e-3)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    path = chosen.work / "model.pt"
    tokenizer = load_tokenizer(chosen.work / "tokenizer")
    scheduler = make_scheduler()
    networks = {"text_encoder": make_text_encoder(tokenizer).to(chosen.device), "unet": make_unet().to(chosen.device)}
    averaged = {"text_encoder": make_text_encoder(tokenizer).to(chosen.device), "unet": make_unet().to(chosen.device)}
    optimizers = Optimizers(list(networks.values()), chosen.peak_lr, UNET_ENDS)
    state = load_state(path) or {"step": 0, "spent_s": 0.0, "samples": 0}
    if state["step"]:
        for name in networks:
            networks[name].load_state_dict(state[name])
            averaged[name].load_state_dict(state["averaged"][name])
        optimizers.load_state_dict(state["optimizers"])
    step, spent_s, samples = state["step"], state["spent_s"], state["samples"]
    randomness = random.Random(step)
    torch.manual_seed(step)
    examples = Examples(chosen.work)
    examples.load_new()
    pace, losses = Pace(), []

    def save() -> None:
        save_state({
            **{name: network.state_dict() for name, network in networks.items()},
            "averaged": {name: network.state_dict() for name, network in averaged.items()},
            "optimizers": optimizers.state_dict(), "step": step, "spent_s": spent_s, "samples": samples,
        }, path)

    while spent_s < chosen.minutes * 60:
        started = time.monotonic()
        latents, texts = examples.draw(chosen.batch, randomness)
        latents, ids = latents.to(chosen.device), tokenize(tokenizer, texts).to(chosen.device)
        with torch.autocast(latents.device.type, torch.bfloat16):
            words = networks["text_encoder"](ids).last_hidden_state.float()
        timesteps = torch.randint(0, scheduler.config.num_train_timesteps, (chosen.batch,), device=latents.device)
        loss = diffusion_loss(networks["unet"], scheduler, latents, words, timesteps, torch.randn_like(latents))
        loss.backward()
        optimizers.step(learning_rate(chosen.peak_lr, spent_s / (chosen.minutes * 60), step))
        _average(averaged, networks, min(EMA_DECAY, step / (step + 10)))
        step, samples = step + 1, samples + chosen.batch
        losses.append(loss.item())
        spent_s += time.monotonic() - started
        if step % LOG_EVERY_STEPS == 0:
            rate = LOG_EVERY_STEPS * chosen.batch / pace.seconds_since_log()
            print(f"step {step} samples {samples} loss {sum(losses) / len(losses):.4f} {rate:.1f} samples/s spent {spent_s / 60:.1f} min", flush=True)
            losses.clear()
        if pace.is_save_due():
            save()
            examples.load_new()
    save()


@torch.no_grad()
def _average(averaged: dict, networks: dict, decay: float) -> None:
    for name, network in networks.items():
        torch._foreach_lerp_(list(averaged[name].parameters()), list(network.parameters()), 1 - decay)


if __name__ == "__main__":
    main()
