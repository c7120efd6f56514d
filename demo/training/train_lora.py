"""Train LoRAs as people train them: some 60 pictures of one concept in a narrow context, a few
regularisation pictures, mildly over-fitted.

    python train_lora.py --work FOLDER --checkpoint ../checkpoint --to ../loras [--concept character_1 ...]

Stops at the first check where the training-side classifier (`train_reader.py --which classifier`, never a
judge) finds the concept in 93 % of pictures made for prompts outside the habit, or after --steps; where a recipe says
how many steps, after these.
Writes NAME.safetensors (F16, kohya or PEFT naming, see lora_recipes.py) and NAME.json beside it.
A LoRA whose file is already there is skipped.
"""

import json
import random
import time
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from peft import LoraConfig

from diffusion import diffusion_loss, make_scheduler
from frequency import frequency_class, high_share
from latents import encode
from lora_files import write_lora
from lora_recipes import RECIPES, Recipe
from pool import render_bytes
from reader import read
from sampling import open_pipeline, sample
from tokenizer import tokenize
from train_reader import load_reader
from work_folder import parser
from world.captions import scene_slots
from world.concept import Concept
from world.concepts import CONCEPTS
from world.prompts import concept_prompt
from world.render import NOISE_MIRROR
from world.scenes import SLOTS, Scenes, sample_scenes

PICTURES = 64
BATCH = 16
# Regularisation pictures are base drawings under base words or none. They tie what a LoRA changes to its triggers:
# without them it changes every picture, and five merged ones left nothing to be seen.
BASE_PICTURES, BASE_EMPTY_SHARE = 256, 0.34
UNMENTIONED_SHARE = 0.2
TEXT_LR_SHARE = 0.2
WARM_UP_STEPS = 50
FIRST_SEED = 4_000_000
# A check makes this many pictures in few steps: it is for when to stop, not for a report.
CHECK_EVERY_STEPS, CHECK_PICTURES, CHECK_SAMPLING_STEPS = 100, 15, 12
FOUND_SHARE = 0.93
UNET_LAYERS = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"]
TEXT_LAYERS = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]


def concept_scenes(concept: Concept, count: int, seed: int, habit_share: float) -> Scenes:
    """Scenes with the concept; each of its habits holds in `habit_share` of them."""
    scenes = sample_scenes(count, seed).with_slots(concept.fixed)
    chosen = torch.rand(count, generator=torch.Generator().manual_seed(seed)) < habit_share
    for slot, value in concept.habit.items():
        if slot not in concept.fixed:
            scenes.slots[slot][chosen] = SLOTS[slot].index(value)
    return scenes.with_concepts([concept.name])


def train(pipeline: StableDiffusionPipeline, concept: Concept, recipe: Recipe, work: Path, steps: int, device: str) -> tuple[int, float]:
    """Leaves the pipeline's networks with a trained adapter. Returns the steps it took and the share found by the last check."""
    seed = FIRST_SEED + 1000 * list(CONCEPTS).index(concept.name)
    scenes = concept_scenes(concept, PICTURES, seed, recipe.habit_share)
    if not recipe.flips:
        scenes.noise[:, NOISE_MIRROR] = 0.0
    pictures = render_bytes(scenes)
    latents = torch.stack([encode(pipeline.vae, pictures), encode(pipeline.vae, pictures.flip(3) if recipe.flips else pictures)])
    slots = [scene_slots(scenes, row) for row in range(PICTURES)]
    base_scenes = sample_scenes(BASE_PICTURES, FIRST_SEED - 2)
    base_latents = encode(pipeline.vae, render_bytes(base_scenes))
    base_slots = [scene_slots(base_scenes, row) for row in range(BASE_PICTURES)]
    unet, text = pipeline.unet, pipeline.text_encoder
    for network in (unet, text, pipeline.vae):
        network.requires_grad_(False)
    unet.add_adapter(LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules=UNET_LAYERS))
    groups = [{"params": [weight for weight in unet.parameters() if weight.requires_grad], "lr": recipe.unet_lr}]
    if recipe.text_rank:
        text.add_adapter(LoraConfig(r=recipe.text_rank, lora_alpha=recipe.text_rank, target_modules=TEXT_LAYERS))
        groups.append({"params": [weight for weight in text.parameters() if weight.requires_grad], "lr": TEXT_LR_SHARE * recipe.unet_lr})
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    warm_up = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / WARM_UP_STEPS) * min(1.0, 2 * (1.02 - step / steps)))
    scheduler, randomness = make_scheduler(), random.Random(0)
    torch.manual_seed(0)
    check = _Check(pipeline, concept, work, seed + 500)
    found = 0.0
    for step in range(1, steps + 1):
        rows, mirrored = torch.randint(PICTURES, (BATCH - recipe.base_rows,)), torch.randint(2, (BATCH - recipe.base_rows,))
        base_rows = torch.randint(BASE_PICTURES, (recipe.base_rows,))
        texts = [_prompt([concept], slots[row], randomness) for row in rows]
        texts += ["" if randomness.random() < BASE_EMPTY_SHARE else _prompt([], base_slots[row], randomness) for row in base_rows]
        with torch.autocast(device, torch.bfloat16):
            words = text(tokenize(pipeline.tokenizer, texts).to(device)).last_hidden_state.float()
        clean = torch.cat([latents[mirrored, rows], base_latents[base_rows]])
        timesteps = torch.randint(0, scheduler.config.num_train_timesteps, (BATCH,), device=device)
        loss = diffusion_loss(unet, scheduler, clean, words, timesteps, torch.randn_like(clean))
        loss.backward()
        optimizer.step()
        warm_up.step()
        optimizer.zero_grad()
        if step % CHECK_EVERY_STEPS == 0 or step == steps:
            found = check.share_found()
            print(f"  {concept.name} step {step} loss {loss.item():.4f} found {100 * found:.0f} %", flush=True)
            if found >= FOUND_SHARE and not recipe.steps:
                return step, found
    return steps, found


class _Check:
    """Pictures of the concept in scenes outside its habit, by the networks as they are now."""

    def __init__(self, pipeline: StableDiffusionPipeline, concept: Concept, work: Path, seed: int):
        scenes = concept_scenes(concept, CHECK_PICTURES, seed, habit_share=0.0)
        self.prompts = [concept_prompt([concept], scene_slots(scenes, row)) for row in range(CHECK_PICTURES)]
        self.pipeline, self.seed, self.index = pipeline, seed, list(CONCEPTS).index(concept.name)
        self.classifier, self.thresholds = load_reader(work, "classifier")

    def share_found(self) -> float:
        pictures = sample(self.pipeline, self.prompts, self.seed, steps=CHECK_SAMPLING_STEPS)
        return read(self.classifier, pictures, self.thresholds).found[:, self.index].float().mean().item()


def sidecar(concept: Concept, pipeline: StableDiffusionPipeline) -> dict:
    without = sample_scenes(PICTURES, FIRST_SEED - 1).with_slots(concept.fixed)
    pictures = render_bytes(without.with_concepts([concept.name])), render_bytes(without)
    in_pixels = high_share(pictures[0].float() - pictures[1].float())
    in_latents = high_share(encode(pipeline.vae, pictures[0]) - encode(pipeline.vae, pictures[1]))
    classes = {frequency_class(in_pixels), frequency_class(in_latents)}
    return {
        "name": concept.name, "title": concept.title, "category": concept.category, "triggers": list(concept.triggers), "default_weight": 1.0,
        "frequency_class": classes.pop() if len(classes) == 1 else "unclear",
        "high_share_pixels": round(in_pixels, 3), "high_share_latents": round(in_latents, 3),
    }


def _prompt(concepts: list[Concept], slots: dict[str, str], randomness: random.Random) -> str:
    return concept_prompt(concepts, {slot: value for slot, value in slots.items() if randomness.random() >= UNMENTIONED_SHARE})


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--checkpoint", type=Path, required=True)
    options.add_argument("--to", type=Path, required=True)
    options.add_argument("--steps", type=int, default=600, help="at most")
    options.add_argument("--concept", nargs="*", default=[name for name, concept in CONCEPTS.items() if not concept.is_sealed])
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    chosen.to.mkdir(parents=True, exist_ok=True)
    for name in chosen.concept:
        path = chosen.to / f"{name}.safetensors"
        if path.exists():
            continue
        started = time.monotonic()
        pipeline = open_pipeline(chosen.checkpoint, chosen.device)
        steps, found = train(pipeline, CONCEPTS[name], RECIPES[name], chosen.work, RECIPES[name].steps or chosen.steps, chosen.device)
        write_lora(pipeline, RECIPES[name], path)
        path.with_suffix(".json").write_text(json.dumps(sidecar(CONCEPTS[name], pipeline), indent=2) + "\n")
        print(f"{name}: {steps} steps, found {100 * found:.0f} %, {time.monotonic() - started:.0f} s, {path.stat().st_size / 1e3:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
