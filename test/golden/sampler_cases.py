"""expected/samplers.{json,safetensors}: ddim and euler step by step, fed with recorded random model outputs.

A sampler replayed on them needs no model, and a wrong step shows at the step where it happens.
"""

import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler
from safetensors.torch import save_file

from golden_paths import EXPECTED
from manifest import write_json, write_section
from random_checkpoint import SCHEDULER_CONFIG

SEED = 20250208
STEPS = 20
SHAPE = [1, 4, 8, 8]
SAMPLERS = {"ddim": DDIMScheduler, "euler": EulerDiscreteScheduler}


def write_sampler_cases() -> None:
    random = torch.Generator("cpu").manual_seed(SEED)
    noise = torch.randn(SHAPE, generator=random)
    outputs = torch.randn([STEPS, *SHAPE], generator=random)
    tensors, cases = {"noise": noise, "model_outputs": outputs}, []
    for sampler, scheduler_class in SAMPLERS.items():
        for prediction in ("epsilon", "v_prediction"):
            for spacing in ("leading", "trailing"):
                config = {**SCHEDULER_CONFIG, "prediction_type": prediction, "timestep_spacing": spacing}
                # Both are built from the DDIM config, as diffusers does when a user changes a pipeline's scheduler.
                scheduler = scheduler_class.from_config(DDIMScheduler(**config).config)
                name = f"{sampler}/{prediction}/{spacing}"
                cases.append({"name": name, "sampler": sampler, "prediction_type": prediction, "timestep_spacing": spacing})
                cases[-1] |= replay(scheduler, name, noise, outputs, tensors)
    save_file(tensors, EXPECTED / "samplers.safetensors")
    write_json(
        EXPECTED / "samplers.json",
        {
            "steps": STEPS,
            "config": SCHEDULER_CONFIG,
            "eta": 0,
            "tensors": {
                "noise": "F32 [1,4,8,8], standard normal; the first latent is noise * init_noise_sigma",
                "model_outputs": "F32 [20,1,4,8,8], what the model answers at step i, the same in every case",
                "CASE/inputs": "F32 [20,1,4,8,8], what the model is given at step i: scale_model_input(latent)",
                "CASE/latents": "F32 [20,1,4,8,8], the latent after step i",
            },
            "cases": cases,
        },
    )
    write_section("samplers", {"files": ["samplers.json", "samplers.safetensors"], "cases": [c["name"] for c in cases]})


def replay(scheduler, name: str, noise: torch.Tensor, outputs: torch.Tensor, tensors: dict) -> dict:
    scheduler.set_timesteps(STEPS)
    latent = noise * scheduler.init_noise_sigma
    inputs, latents = [], []
    for timestep, output in zip(scheduler.timesteps, outputs, strict=True):
        inputs.append(scheduler.scale_model_input(latent, timestep))
        latent = scheduler.step(output, timestep, latent).prev_sample
        latents.append(latent)
    tensors[f"{name}/inputs"], tensors[f"{name}/latents"] = torch.stack(inputs), torch.stack(latents)
    sigmas = getattr(scheduler, "sigmas", None)
    return {
        "timesteps": [float(t) for t in scheduler.timesteps],
        "sigmas": None if sigmas is None else [float(s) for s in sigmas],
        "init_noise_sigma": float(scheduler.init_noise_sigma),
    }
