"""Expected outputs of the three models: text encoder, U-Net and VAE decoder, without and with each LoRA file."""

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file

from golden_paths import EXPECTED
from lora_files import FILES
from lora_loading import load_lora
from manifest import write_json, write_section
from model_inputs import PROMPTS, base_hidden_states, text_hidden_states, token_ids, unet_case_inputs

WEIGHTS = [1.0, 0.7, -0.5]
LORA_CASES = ["square", "wide"]
LEAST_SHARE = 0.10
VAE_SEED = 20250207
VAE_ENCODER_SEED = 20250208


@torch.no_grad()
def write_model_cases(pipeline: StableDiffusionPipeline) -> None:
    inputs = unet_case_inputs(pipeline)
    run_unet = lambda case: pipeline.unet(
        inputs[case]["sample"], inputs[case]["timestep"], inputs[case]["encoder_hidden_states"]
    ).sample

    text = {"input_ids": token_ids(pipeline), "hidden_states": base_hidden_states(pipeline)}
    unet = {f"{case}/{key}": tensor.clone() for case, tensors in inputs.items() for key, tensor in tensors.items()}
    unet |= {f"{case}/output": run_unet(case) for case in inputs}
    lora_rows, modules = [], {}
    for spec in FILES:
        rows = load_lora(pipeline, spec.name)
        modules[spec.name] = [{key: row[key] for key in ("part", "path", "key", "rank", "alpha")} for row in rows]
        has_text = any(row["part"] == "text_encoder" for row in rows)
        for weight in WEIGHTS:
            pipeline.set_adapters([spec.name], [weight])
            assert_scales(pipeline, spec.name, rows, weight)
            if has_text:
                text[f"hidden_states/{spec.name}@{weight}"] = text_hidden_states(pipeline)
            for case in LORA_CASES:
                unet[f"{case}/output/{spec.name}@{weight}"] = run_unet(case)
        lora_rows.append(lora_summary(spec.name, rows, has_text, unet, text))
        pipeline.unload_lora_weights()

    save_file(text, EXPECTED / "text-encoder.safetensors")
    save_file(unet, EXPECTED / "unet.safetensors")
    write_json(EXPECTED / "lora-modules.json", modules)
    write_section(
        "text_encoder",
        {
            "file": "text-encoder.safetensors",
            "prompts": PROMPTS,
            "tensors": "input_ids I64 [3, 77]; hidden_states F32 [3, 77, 48] without LoRA; hidden_states/LORA@WEIGHT",
            "meaning": "last_hidden_state, after final_layer_norm, of rows padded to 77 with no attention mask",
        },
    )
    write_section(
        "unet",
        {
            "file": "unet.safetensors",
            "cases": {case: {"shape": list(t["sample"].shape)} for case, t in inputs.items()},
            "tensors": "CASE/sample, CASE/timestep (I64 [2]), CASE/encoder_hidden_states, CASE/output; "
            "CASE/output/LORA@WEIGHT for the cases square and wide",
            "weights": WEIGHTS,
        },
    )
    write_section("loras", {"modules": "lora-modules.json", "files": lora_rows})
    write_vae_cases(pipeline)


def assert_scales(pipeline, name: str, rows: list[dict], weight: float) -> None:
    models = {"unet": pipeline.unet, "text_encoder": pipeline.text_encoder}
    for row in rows:
        scale = models[row["part"]].get_submodule(row["path"]).scaling[name]
        assert abs(scale - weight * row["alpha"] / row["rank"]) < 1e-6, (row, scale)


def lora_summary(name: str, rows: list[dict], has_text: bool, unet: dict, text: dict) -> dict:
    share = lambda after, before: round(((after - before).std() / before.std()).item(), 3)
    shares = {case: share(unet[f"{case}/output/{name}@1.0"], unet[f"{case}/output"]) for case in LORA_CASES}
    assert min(shares.values()) >= LEAST_SHARE, f"{name} moves the U-Net's output by {shares}: too little to test with"
    return {
        "name": name,
        "unet_modules": sum(row["part"] == "unet" for row in rows),
        "text_encoder_modules": sum(row["part"] == "text_encoder" for row in rows),
        "ranks": sorted({row["rank"] for row in rows}),
        "alphas": sorted({row["alpha"] for row in rows}),
        "moves_unet_output_by": shares,
        "moves_text_by": share(text[f"hidden_states/{name}@1.0"], text["hidden_states"]) if has_text else 0,
        "scales_that_diffusers_misread": sum(row["corrected"] for row in rows),
    }


def write_vae_cases(pipeline: StableDiffusionPipeline) -> None:
    random = torch.Generator("cpu").manual_seed(VAE_SEED)
    tensors = {}
    for case, shape in (("square", [2, 4, 8, 8]), ("wide", [1, 4, 8, 12]), ("odd", [1, 4, 9, 7])):
        latent = torch.randn(shape, generator=random) * 3
        tensors[f"{case}/latent"] = latent
        tensors[f"{case}/image"] = pipeline.vae.decode(latent / pipeline.vae.config.scaling_factor).sample.contiguous()
    save_file(tensors, EXPECTED / "vae.safetensors")
    write_section(
        "vae",
        {
            "file": "vae.safetensors",
            "cases": {c: {"latent": list(tensors[f"{c}/latent"].shape)} for c in ("square", "wide", "odd")},
            "tensors": "CASE/latent as the sampler leaves it; CASE/image = decode(latent / scaling_factor), not clamped",
            "scaling_factor": pipeline.vae.config.scaling_factor,
        },
    )


@torch.no_grad()
def write_vae_encoder_cases(pipeline: StableDiffusionPipeline) -> None:
    random = torch.Generator("cpu").manual_seed(VAE_ENCODER_SEED)
    tensors, scale = {}, pipeline.vae.config.scaling_factor
    for case, [rows, height, width] in (("square", [2, 64, 64]), ("wide", [1, 64, 96]), ("odd", [1, 72, 56])):
        coarse = torch.randn([rows, 3, height // 8, width // 8], generator=random)
        smooth = torch.nn.functional.interpolate(coarse, size=[height, width], mode="bicubic")
        image = (0.5 * smooth + 0.2 * torch.randn(smooth.shape, generator=random)).clamp(-1, 1)
        latents = pipeline.vae.encode(image).latent_dist
        tensors |= {
            f"{case}/image": image,
            f"{case}/mean": latents.mean * scale,
            f"{case}/deviation": latents.std * scale,
        }
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(tensors, EXPECTED / "vae-encoder.safetensors")
    write_section(
        "vae_encoder",
        {
            "file": "vae-encoder.safetensors",
            "cases": {case: {"image": list(tensors[f"{case}/image"].shape)} for case in ("square", "wide", "odd")},
            "tensors": "CASE/image in -1 to 1; CASE/mean and CASE/deviation of encode(image).latent_dist, "
            "both times scaling_factor",
            "scaling_factor": scale,
        },
    )
