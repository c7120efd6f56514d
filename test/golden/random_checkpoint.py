"""A Stable Diffusion 1.5 in miniature with random weights: its exact topology at widths 32 x 4.

Random does not mean arbitrary: weights that average out would let a wrong implementation pass. So attention is sharp,
every bias and norm parameter is off 0 and 1, text and timestep matter, and the last layers are fitted (the U-Net's to
predict some of the noise, so that sampling stays bounded; the VAE's so that pictures use the range of a picture).
Only F16 is written. Everything expected is computed from its exact F32 upcast, by loading the files again.
"""

import json
import shutil

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from clip_vocabulary import write_tokenizer
from golden_paths import CHECKPOINT

SEED = 20250204
MERGE_COUNT = 486  # 512 byte symbols + 486 merges + 2 specials = 1,000 tokens
TEXT_WIDTH = 48  # differs from the U-Net's 32, so a transposed cross-attention cannot fit
GUIDED_PROMPTS = ["a red fox in the snow", "", "the night sky over a city of glass", "three small boats"]

UNET_CONFIG = dict(
    sample_size=16,
    in_channels=4,
    out_channels=4,
    block_out_channels=(32, 32, 32, 32),
    down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    layers_per_block=2,
    cross_attention_dim=TEXT_WIDTH,
    attention_head_dim=8,  # SD 1.5's 8 is the NUMBER of heads, whatever the key says: 8 heads of 4 channels here
    norm_num_groups=8,  # 4 channels a group, so that a wrong grouping shows
)
VAE_CONFIG = dict(
    in_channels=3,
    out_channels=3,
    latent_channels=4,
    block_out_channels=(16, 16, 32, 32),
    down_block_types=("DownEncoderBlock2D",) * 4,
    up_block_types=("UpDecoderBlock2D",) * 4,
    layers_per_block=2,
    norm_num_groups=8,
    sample_size=128,
    scaling_factor=0.18215,
)
# SD 1.5's scheduler_config.json with DDIM in PNDM's place and the spacing written out.
SCHEDULER_CONFIG = dict(
    num_train_timesteps=1000,
    beta_schedule="scaled_linear",
    beta_start=0.00085,
    beta_end=0.012,
    steps_offset=1,
    clip_sample=False,
    set_alpha_to_one=False,
    prediction_type="epsilon",
    timestep_spacing="leading",
)


def write_checkpoint() -> None:
    shutil.rmtree(CHECKPOINT, ignore_errors=True)
    write_tokenizer(CHECKPOINT / "tokenizer", MERGE_COUNT)
    tokenizer = CLIPTokenizer.from_pretrained(CHECKPOINT / "tokenizer")
    random = torch.Generator("cpu").manual_seed(SEED)

    text_encoder = CLIPTextModel(text_config(tokenizer)).eval()
    randomize(text_encoder, random)
    unet = UNet2DConditionModel(**UNET_CONFIG).eval()
    randomize(unet, random)
    vae = AutoencoderKL(**VAE_CONFIG).eval()
    randomize(vae, random)
    fit_noise_prediction(unet, encode(tokenizer, text_encoder, GUIDED_PROMPTS), random)
    fit_picture_range(vae, random)

    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DDIMScheduler(**SCHEDULER_CONFIG),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).to(torch.float16)
    pipeline.save_pretrained(CHECKPOINT)
    shutil.rmtree(CHECKPOINT / "tokenizer")
    write_tokenizer(CHECKPOINT / "tokenizer", MERGE_COUNT)  # without the tokenizer.json that SD 1.5 does not have
    restore_text_model_prefix()
    strip_machine_paths()


def text_config(tokenizer: CLIPTokenizer) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=4 * TEXT_WIDTH,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=77,
        hidden_act="quick_gelu",
        projection_dim=TEXT_WIDTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


@torch.no_grad()
def randomize(model: torch.nn.Module, random: torch.Generator) -> None:
    normal = lambda tensor, deviation, mean=0.0: tensor.copy_(
        torch.randn(tensor.shape, generator=random) * deviation + mean
    )
    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.GroupNorm, torch.nn.LayerNorm)):
            normal(module.weight, 0.25, mean=1.0)
            normal(module.bias, 0.2)
        elif isinstance(module, torch.nn.Embedding):
            normal(module.weight, 0.4 if "position" in name else 1.0)
        elif isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
            fan_in = module.weight[0].numel()
            # Queries and keys above unit gain: logits of deviation about 2, so that attention is far from uniform.
            sharp = name.endswith(("to_q", "to_k", "q_proj", "k_proj"))
            normal(module.weight, (1.5 if sharp else 1.0) / fan_in**0.5)
            if module.bias is not None:
                normal(module.bias, 0.15)


@torch.no_grad()
def encode(tokenizer: CLIPTokenizer, text_encoder: CLIPTextModel, prompts: list[str]) -> torch.Tensor:
    ids = tokenizer(prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
    return text_encoder(ids)[0]


def input_of(module: torch.nn.Module, run) -> torch.Tensor:
    """What `module` is fed while `run()` runs."""
    seen = []
    handle = module.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    run()
    handle.remove()
    return seen[0]


@torch.no_grad()
def fit_noise_prediction(unet: UNet2DConditionModel, texts: torch.Tensor, random: torch.Generator) -> None:
    """Fits conv_out by ridge regression to predict the noise in noised smooth fields, then adds a random part.

    Without the fit a random U-Net never takes noise away and latents grow with sigma; without the random part the
    output would hardly depend on text and LoRAs.
    """
    alpha_bar = DDIMScheduler(**SCHEDULER_CONFIG).alphas_cumprod
    columns, targets = [], []
    for timestep in range(25, 1000, 50):
        coarse = torch.randn([4, 4, 4, 4], generator=random)
        clean = torch.nn.functional.interpolate(coarse, size=[16, 16], mode="bicubic") * 1.2
        noise = torch.randn(clean.shape, generator=random)
        noisy = alpha_bar[timestep].sqrt() * clean + (1 - alpha_bar[timestep]).sqrt() * noise
        features = input_of(unet.conv_out, lambda: unet(noisy, timestep, texts))
        columns.append(torch.nn.functional.unfold(features, 3, padding=1).transpose(1, 2).flatten(0, 1))
        targets.append(noise.flatten(2).transpose(1, 2).flatten(0, 1))
    x, y = torch.cat(columns).double(), torch.cat(targets).double()
    mean, scale = x.mean(0), x.std(0)
    x = (x - mean) / scale
    ridge = 0.01 * len(x) * torch.eye(x.shape[1], dtype=x.dtype)
    fitted = torch.linalg.solve(x.T @ x + ridge, x.T @ y) / scale[:, None]
    explained = 1 - ((x * scale) @ fitted - y).var() / y.var()
    print(f"conv_out explains {explained:.2f} of the noise's variance")
    stray = torch.randn(fitted.shape, generator=random).double() * 0.02
    fitted = round_to(1 / 1024, fitted)
    mean = round_to(1 / 1024, mean)
    unet.conv_out.weight.copy_((fitted + stray).T.reshape(unet.conv_out.weight.shape))
    unet.conv_out.bias.copy_(-(mean @ (fitted + stray)) + torch.randn([4], generator=random) * 0.05)


def round_to(grid: float, values: torch.Tensor) -> torch.Tensor:
    """Fitted numbers are put on a coarse grid: float32 sums differ in the last bits from run to run, files must not."""
    return (values / grid).round() * grid


@torch.no_grad()
def fit_picture_range(vae: AutoencoderKL, random: torch.Generator) -> None:
    """Scales conv_out so that a typical latent decodes to mean 0 and deviation 0.5 in [-1, 1], channel by channel."""
    latents = torch.randn([4, 4, 16, 16], generator=random) * 2 / vae.config.scaling_factor
    decoded = vae.decode(latents).sample
    mean, deviation = round_to(1 / 256, decoded.mean([0, 2, 3])), round_to(1 / 256, decoded.std([0, 2, 3]))
    convolution = vae.decoder.conv_out
    convolution.weight.mul_((0.5 / deviation)[:, None, None, None])
    convolution.bias.copy_((convolution.bias - mean) * 0.5 / deviation + torch.tensor([0.1, -0.05, 0.02]))


def restore_text_model_prefix() -> None:
    """transformers 5 drops `text_model.` from the names it saves; SD 1.5's own file, and every other, has it."""
    path = CHECKPOINT / "text_encoder" / "model.safetensors"
    tensors = load_file(path)
    renamed = {name if name.startswith("text_model.") else f"text_model.{name}": t for name, t in tensors.items()}
    save_file(renamed, path, metadata={"format": "pt"})


def strip_machine_paths() -> None:
    """Configs remember where they were loaded from; a committed file must not."""
    for path in CHECKPOINT.rglob("*.json"):
        config = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(config, dict) and config.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load_pipeline() -> StableDiffusionPipeline:
    """The committed F16 files, upcast to F32: what every expected value is computed with."""
    pipeline = StableDiffusionPipeline.from_pretrained(CHECKPOINT, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        part.eval().requires_grad_(False)
    return pipeline
