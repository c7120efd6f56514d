"""The inputs that the text encoder and the U-Net are tested with: one place, since LoRAs are scaled on them too."""

import torch
from diffusers import StableDiffusionPipeline

SEED = 20250206
PROMPTS = [
    "a red fox in the snow, digital painting",
    "",
    "two wolves, high detail, " * 20 + "longer than seventy-seven tokens, so that the end is cut",
]


def token_ids(pipeline: StableDiffusionPipeline, prompts: list[str] = PROMPTS) -> torch.Tensor:
    """[prompts, 77], padded and cut as diffusers does it."""
    tokenizer = pipeline.tokenizer
    return tokenizer(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids


@torch.no_grad()
def text_hidden_states(pipeline: StableDiffusionPipeline, prompts: list[str] = PROMPTS) -> torch.Tensor:
    """[prompts, 77, width]: the last hidden state after the final layer norm, which is what diffusers conditions on."""
    return pipeline.text_encoder(token_ids(pipeline, prompts))[0]


def unet_case_inputs(pipeline: StableDiffusionPipeline) -> dict[str, dict[str, torch.Tensor]]:
    """Batches of 2 rows with timesteps and texts of their own.

    `square` and `wide` have sides that halve three times. `odd` does not: there the up path has to take the skips'
    sizes, as 520 x 648 pixels would ask of it.
    """
    random = torch.Generator("cpu").manual_seed(SEED)
    # Encoded without any LoRA, so that the U-Net is tested alone.
    texts = base_hidden_states(pipeline)
    cases = {}
    for name, (height, width), timesteps in (
        ("square", (16, 16), (801, 37)),
        ("wide", (16, 24), (261, 951)),
        ("odd", (9, 13), (501, 1)),
    ):
        cases[name] = {
            "sample": torch.randn([2, 4, height, width], generator=random),
            "timestep": torch.tensor(timesteps, dtype=torch.int64),
            "encoder_hidden_states": texts[[0, 2]] if name == "square" else texts[[2, 1]],
        }
    return cases


def base_hidden_states(pipeline: StableDiffusionPipeline) -> torch.Tensor:
    loaded = hasattr(pipeline.text_encoder, "peft_config") and bool(pipeline.text_encoder.peft_config)
    if loaded:
        pipeline.disable_lora()
    states = text_hidden_states(pipeline)
    if loaded:
        pipeline.enable_lora()
    return states
