"""expected/pictures/*.png and expected/plans/*.json, with the checks that make them worth comparing with."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, StableDiffusionPipeline
from PIL import Image
from safetensors.torch import save_file

from golden_paths import EXPECTED, PICTURES as FOLDER, PLANS
from lora_loading import load_lora
from manifest import write_json, write_section
from picture_list import PICTURES, Picture
from random_checkpoint import load_pipeline
from reference_cmlora import Options, plan as cmlora_plan, preset
from reference_generate import How, composite_plan, encode_with, generate_latent, switch_plan
from reference_rivals import everybody_plan, prompt_weights, rival_latent, switch_a_plan, w_switch_plan

SAMPLERS = {"ddim": DDIMScheduler, "euler": EulerDiscreteScheduler}
LEAST_DEVIATION = 30.0  # of 255
FARTHEST_PSNR = 35.0  # two pictures of one size are at least this different
LEAST_FLOAT64_PSNR = 60.0  # the picture hangs on float32 rounding less than this, so a right implementation passes 45
SAME_PICTURE = {("merge1-square", "cmlora1-square")}  # cmlora of one LoRA is that LoRA


def write_picture_cases() -> None:
    for folder in (FOLDER, PLANS):
        folder.mkdir(parents=True, exist_ok=True)
    pipelines = {torch.float32: load_pipeline(), torch.float64: load_pipeline().to(torch.float64)}
    images, tensors, rows = {}, {}, []
    for picture in PICTURES:
        latent, plan = make_latent(pipelines[torch.float32], picture)
        images[picture.name] = decode(pipelines[torch.float32], latent)
        exact_latent, _plan = make_latent(pipelines[torch.float64], picture)
        exact = decode(pipelines[torch.float64], exact_latent)
        tensors[f"{picture.name}/latent"] = latent.contiguous()
        Image.fromarray(images[picture.name]).save(FOLDER / f"{picture.name}.png", optimize=True)
        if plan:
            write_json(PLANS / f"{picture.name}.json", plan)
        rows.append(describe(picture, plan, images[picture.name], exact))
        print(f"{picture.name}: deviation {rows[-1]['deviation']}, float64 at {rows[-1]['float64_psnr']} dB", flush=True)
    save_file(tensors, EXPECTED / "pictures.safetensors")
    write_json(FOLDER / "manifest.json", {"pictures": rows})
    remove_leftovers()
    check_apart(images)
    write_section(
        "pictures",
        {
            "manifest": "pictures/manifest.json",
            "plans": "plans/NAME.json",
            "final_latents": "pictures.safetensors, NAME/latent F32 [1, 4, height/8, width/8], before the division by scaling_factor",
            "count": len(rows),
        },
    )


def remove_leftovers() -> None:
    """Files of pictures that are no longer in the list; last, so that tests may run meanwhile."""
    names = {picture.name for picture in PICTURES} | {"manifest"}
    for path in [*FOLDER.iterdir(), *PLANS.iterdir()]:
        if path.stem not in names:
            path.unlink()


def describe(picture: Picture, plan: dict | None, image: np.ndarray, exact: np.ndarray) -> dict:
    deviation, float64_psnr = round(float(image.std()), 2), round(min(psnr(image, exact), 99.0), 1)
    assert deviation >= LEAST_DEVIATION, f"{picture.name}: pixel deviation {deviation}"
    assert float64_psnr >= LEAST_FLOAT64_PSNR, f"{picture.name}: float64 differs, {float64_psnr} dB"
    width, height = picture.size
    return {
        "name": picture.name,
        "file": f"pictures/{picture.name}.png",
        "plan": f"plans/{picture.name}.json" if plan else None,
        "request": {
            "prompt": picture.prompt,
            "negative_prompt": picture.negative_prompt,
            "seed": picture.seed,
            "width": width,
            "height": height,
            "steps": picture.steps,
            "sampler": picture.sampler,
            "guidance_scale": picture.guidance_scale,
            "loras": [
                {"file": f"loras/{l.name}.safetensors", "id": l.name, "weight": l.weight, "frequency_class": l.frequency_class}
                for l in picture.loras
            ],
            "composition": picture.composition,
        },
        "deviation": deviation,
        "float64_psnr": float64_psnr,
    }


@torch.no_grad()
def make_latent(pipeline: StableDiffusionPipeline, picture: Picture) -> tuple[torch.Tensor, dict | None]:
    """The final latent, and the plan where the method has one. The adapters are gone again afterwards."""
    base = DDIMScheduler.from_config(pipeline.scheduler.config)
    pipeline.scheduler = SAMPLERS[picture.sampler].from_config(base.config)
    for lora in picture.loras:
        load_lora(pipeline, lora.name)
    if picture.composition["method"] in ("merge", "lorahub"):
        latent, plan = merged_latent(pipeline, picture), None
    elif picture.composition["method"] not in ("switch", "composite", "cmlora"):
        latent, plan = rival(pipeline, picture)
    else:
        latent, plan = composed_latent(pipeline, picture)
    pipeline.unload_lora_weights()
    return latent, plan


@torch.no_grad()
def merged_latent(pipeline: StableDiffusionPipeline, picture: Picture) -> torch.Tensor:
    """diffusers' own pipeline, start to end: text parts are active too, which is the policy `all`."""
    texts = {"prompt": picture.prompt, "negative_prompt": picture.negative_prompt}
    if picture.composition.get("text_encoder", "all") == "none":
        negative, positive = encode_with(pipeline, [], picture.prompt, picture.negative_prompt).chunk(2)
        texts = {"prompt_embeds": positive, "negative_prompt_embeds": negative}
    if picture.loras:
        pipeline.set_adapters([lora.name for lora in picture.loras], merge_weights(picture))
    width, height = picture.size
    return pipeline(
        **texts,
        width=width,
        height=height,
        num_inference_steps=picture.steps,
        guidance_scale=picture.guidance_scale,
        latents=noise_of(pipeline, picture),
        output_type="latent",
    ).images


def merge_weights(picture: Picture) -> list[float]:
    """Each LoRA's weight, times merge's one factor or lorahub's for it."""
    factors = {entry["id"]: entry["weight"] for entry in picture.composition.get("weights", [])}
    scale = picture.composition.get("scale", 1.0)
    return [lora.weight * scale * factors.get(lora.name, 1.0) for lora in picture.loras]


def rival(pipeline: StableDiffusionPipeline, picture: Picture) -> tuple[torch.Tensor, dict | None]:
    pipeline.scheduler.set_timesteps(picture.steps)
    timesteps = [float(t) for t in pipeline.scheduler.timesteps]
    names = [lora.name for lora in picture.loras]
    composition = picture.composition
    of_class = lambda name: [lora.name for lora in picture.loras if lora.frequency_class == name]
    method = composition["method"]
    weights = prompt_weights(pipeline, names, composition, picture.prompt) if method in ("w-switch", "w-composite") else []
    if method == "switch-a":
        us = [1 - t / 1000 for t in timesteps]
        plan = switch_a_plan(of_class("high"), of_class("low"), us, timesteps, composition)
    elif method == "w-switch":
        plan = w_switch_plan(names, weights, timesteps, composition)
    elif method == "w-composite":
        plan = everybody_plan(names, weights, timesteps)
    elif method == "delta-composite":
        plan = everybody_plan(names, [composition.get("scale", 1)] * len(names), timesteps)
    else:
        plan = everybody_plan(names, [], timesteps)  # loratorio-like: the predictions themselves weigh
    if weights:
        plan["prompt_weights"] = [{"id": j, "weight": w} for j, w in zip(names, weights, strict=True)]
    latent = rival_latent(
        pipeline,
        [(lora.name, lora.weight) for lora in picture.loras],
        composition,
        plan,
        (picture.prompt, picture.negative_prompt),
        noise_of(pipeline, picture),
        picture.guidance_scale,
    )
    return latent, plan


def composed_latent(pipeline: StableDiffusionPipeline, picture: Picture) -> tuple[torch.Tensor, dict]:
    pipeline.scheduler.set_timesteps(picture.steps)
    timesteps = [float(t) for t in pipeline.scheduler.timesteps]
    names = [lora.name for lora in picture.loras]
    composition = picture.composition
    how = How(text_encoder=composition.get("text_encoder", "own"))
    if composition["method"] == "composite":
        plan = composite_plan(names, timesteps)
    elif composition["method"] == "switch":
        plan = switch_plan(names, timesteps, composition.get("tau", 5))
    else:
        options = options_of(composition, picture.steps, pipeline.unet.config.layers_per_block)
        high = [lora.name for lora in picture.loras if lora.frequency_class == "high"]
        low = [lora.name for lora in picture.loras if lora.frequency_class == "low"]
        plan = cmlora_plan(high, low, timesteps, options)
        how = How(options.cut, options.cache, options.uncond, options.text_encoder)
    latent = generate_latent(
        pipeline,
        [(lora.name, lora.weight) for lora in picture.loras],
        plan,
        how,
        picture.prompt,
        picture.negative_prompt,
        noise_of(pipeline, picture),
        picture.guidance_scale,
    )
    return latent, plan


def options_of(composition: dict, evaluations: int, layers_per_block: int) -> Options:
    """A request's nested `composition`, flattened; every field that it leaves out keeps the preset's value."""
    groups = ("turn", "weights", "refresh")
    fields = {key: value for key, value in composition.items() if key not in ("method", "preset", *groups)}
    for group in groups:
        fields |= composition.get(group, {})
    return replace(preset(composition.get("preset", "quality"), evaluations, layers_per_block), **fields)


def noise_of(pipeline: StableDiffusionPipeline, picture: Picture) -> torch.Tensor:
    """Drawn in float32 whatever the pipeline computes in. Standard normal: the sampler scales it."""
    width, height = picture.size
    generator = torch.Generator("cpu").manual_seed(picture.seed)
    return torch.randn([1, 4, height // 8, width // 8], generator=generator).to(pipeline.unet.dtype)


@torch.no_grad()
def decode(pipeline: StableDiffusionPipeline, latent: torch.Tensor) -> np.ndarray:
    """[height, width, 3] bytes, as the pipeline itself makes them: to [0, 1], clamped, times 255, rounded half to even."""
    decoded = pipeline.vae.decode(latent / pipeline.vae.config.scaling_factor).sample
    return np.asarray(pipeline.image_processor.postprocess(decoded, output_type="pil")[0])


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def check_apart(images: dict[str, np.ndarray]) -> None:
    for a, b in combinations(images, 2):
        if images[a].shape != images[b].shape:
            continue
        distance = psnr(images[a], images[b])
        if (a, b) in SAME_PICTURE:
            assert distance >= LEAST_FLOAT64_PSNR, f"{a} and {b} are one picture, but {distance:.1f} dB apart"
        else:
            assert distance <= FARTHEST_PSNR, f"{a} and {b} are {distance:.1f} dB apart: too alike to tell a mistake"
