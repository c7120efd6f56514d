"""expected/trajectories.{json,safetensors}: the finished latent of diffusers' own pipeline with each sampler, from a seed alone.

The pipeline draws all noise from one CPU generator, the initial latent's and each step's, as a user would have it do.
"""

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file

from golden_paths import EXPECTED
from manifest import write_json, write_section
from random_checkpoint import SCHEDULER_CONFIG, load_pipeline
from sampler_cases import SAMPLERS

REQUEST = {
    "prompt": "a red fox in the snow, digital painting",
    "negative_prompt": "blurry, low quality",
    "width": 64,
    "height": 96,
    "steps": 10,
    "guidance_scale": 7.5,
    "guidance_rescale": 0.0,
    "seed": 77,
}
# Sampler, what the scheduler's config changes, what the request changes.
CASES = [
    *((sampler, {}, {}) for sampler in SAMPLERS),
    ("ddim", {}, {"guidance_rescale": 0.7}),
    ("euler", {"timestep_spacing": "trailing"}, {}),
    ("euler-ancestral", {"timestep_spacing": "linspace"}, {"seed": 2**32 + 5}),
    ("heun", {"use_exponential_sigmas": True}, {}),
    ("dpmpp-2m", {"use_karras_sigmas": True}, {}),
    ("dpmpp-2m", {"prediction_type": "v_prediction", "timestep_spacing": "trailing", "rescale_betas_zero_snr": True}, {}),
]


@torch.no_grad()
def write_trajectory_cases() -> None:
    pipeline, tensors, cases = load_pipeline(), {}, []
    for index, (sampler, config, changes) in enumerate(CASES):
        request = {**REQUEST, **changes, "sampler": sampler}
        pipeline.scheduler = SAMPLERS[sampler].from_config({**SCHEDULER_CONFIG, **config})
        tensors[str(index)] = finished_latent(pipeline, request)
        cases.append({"tensor": str(index), "config": config, "request": request})
    save_file(tensors, EXPECTED / "trajectories.safetensors")
    write_json(EXPECTED / "trajectories.json", {"config": SCHEDULER_CONFIG, "cases": cases})
    write_section(
        "trajectories",
        {
            "files": ["trajectories.json", "trajectories.safetensors"],
            "tensors": "F32 [1, 4, height/8, width/8], before the division by scaling_factor",
            "count": len(cases),
        },
    )


def finished_latent(pipeline: StableDiffusionPipeline, request: dict) -> torch.Tensor:
    passed_on = ("prompt", "negative_prompt", "width", "height", "guidance_scale", "guidance_rescale")
    return pipeline(
        **{name: request[name] for name in passed_on},
        num_inference_steps=request["steps"],
        generator=torch.Generator("cpu").manual_seed(request["seed"]),
        output_type="latent",
    ).images.contiguous()
