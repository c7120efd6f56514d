"""expected/samplers.{json,safetensors}: every sampler step by step, fed with recorded random model outputs.

A sampler replayed on them needs no model, and a wrong step shows at the step where it happens. Latents are tiny, because every
sampler treats each value by itself; so every step of every case fits.
"""

from unittest.mock import patch

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
)
from diffusers.schedulers import scheduling_euler_ancestral_discrete
from safetensors.torch import save_file

from golden_paths import EXPECTED
from manifest import write_json, write_section
from random_checkpoint import SCHEDULER_CONFIG

SEED = 20250208
STEPS = 20
SHAPE = [1, 4, 2, 3]
SAMPLERS = {
    "ddim": DDIMScheduler,
    "dpmpp-2m": DPMSolverMultistepScheduler,
    "euler": EulerDiscreteScheduler,
    "euler-ancestral": EulerAncestralDiscreteScheduler,
    "heun": HeunDiscreteScheduler,
}
SPACINGS = ["leading", "trailing", "linspace"]


def case_list() -> list[dict]:
    """What each case changes in the config, under diffusers' names."""
    cases = []
    for sampler in SAMPLERS:
        for prediction in ("epsilon", "v_prediction", "sample"):
            cases += [case(sampler, prediction, spacing) for spacing in SPACINGS]
    for sampler in ("dpmpp-2m", "euler", "heun"):
        for sigmas in ("karras", "exponential"):
            cases += [case(sampler, "epsilon", spacing, f"use_{sigmas}_sigmas") for spacing in SPACINGS]
    # HeunDiscreteScheduler does not know the key.
    for sampler in ("ddim", "dpmpp-2m", "euler", "euler-ancestral"):
        for prediction in ("v_prediction", "sample"):
            cases += [case(sampler, prediction, spacing, "rescale_betas_zero_snr") for spacing in ("leading", "trailing")]
    return cases


def case(sampler: str, prediction: str, spacing: str, *flags: str) -> dict:
    return {
        "name": "/".join([sampler, prediction, spacing, *flags]),
        "sampler": sampler,
        "config": {"prediction_type": prediction, "timestep_spacing": spacing, **{flag: True for flag in flags}},
    }


def write_sampler_cases() -> None:
    random = torch.Generator("cpu").manual_seed(SEED)
    draw = lambda *dims: torch.randn([*dims, *SHAPE], generator=random)
    tensors = {"noise": draw(1)[0], "model_outputs": draw(2 * STEPS - 1), "step_noises": draw(STEPS)}
    cases = [described | replay(described, tensors) for described in case_list()]
    save_file(tensors, EXPECTED / "samplers.safetensors")
    write_json(
        EXPECTED / "samplers.json",
        {
            "steps": STEPS,
            "config": SCHEDULER_CONFIG,
            "eta": 0,
            "tensors": {
                "noise": "F32 [1,4,2,3], standard normal; the first latent is noise * init_noise_sigma",
                "model_outputs": "F32 [39,1,4,2,3], what the model answers at evaluation i, the same in every case",
                "step_noises": "F32 [20,1,4,2,3], what euler-ancestral draws at step i",
                "CASE/inputs": "F32 [evaluations,1,4,2,3], what the model is given: scale_model_input(latent)",
                "CASE/final": "F32 [1,4,2,3], the finished latent",
            },
            "cases": cases,
        },
    )
    write_section("samplers", {"files": ["samplers.json", "samplers.safetensors"], "cases": [c["name"] for c in cases]})


def replay(described: dict, tensors: dict[str, torch.Tensor]) -> dict:
    """Runs diffusers' scheduler; adds the tensors of the case and returns what it visits."""
    sampler, changes = described["sampler"], described["config"]
    # EulerAncestralDiscreteScheduler has no `sample`: it is told the noise that the model's picture leaves in the latent.
    by_noise = sampler == "euler-ancestral" and changes["prediction_type"] == "sample"
    scheduler = SAMPLERS[sampler].from_config(
        {**SCHEDULER_CONFIG, **changes, **({"prediction_type": "epsilon"} if by_noise else {})}
    )
    assert all(scheduler.config.get(key) for key in changes), f"{described['name']}: the class drops a key"
    step_noises = iter(tensors["step_noises"])
    scheduler.set_timesteps(STEPS)
    latent, inputs = tensors["noise"] * scheduler.init_noise_sigma, []
    for index, timestep in enumerate(scheduler.timesteps):
        inputs.append(scheduler.scale_model_input(latent, timestep))
        output = tensors["model_outputs"][index]
        if by_noise:
            output = (latent - output) / scheduler.sigmas[scheduler.step_index]
        with patch.object(scheduling_euler_ancestral_discrete, "randn_tensor", lambda *_, **__: next(step_noises)):
            latent = scheduler.step(output, timestep, latent).prev_sample
    tensors[f"{described['name']}/inputs"], tensors[f"{described['name']}/final"] = torch.stack(inputs), latent
    return {"timesteps": [float(t) for t in scheduler.timesteps], "init_noise_sigma": float(scheduler.init_noise_sigma)}
