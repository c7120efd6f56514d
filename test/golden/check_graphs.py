"""Checks the graphs that Overtone compiles with tools that Overtone does not contain.

    npm run build && python test/golden/check_graphs.py [CHECKPOINT ...]

For the checkpoints named, or for the golden one and for random checkpoints of other shapes than Stable Diffusion 1.5's, every graph must pass
onnx.checker with full shape inference and agree with diffusers in the Python build of ONNX Runtime: text encoder, U-Net,
VAE decoder and encoder, and the U-Net's reuse pass at every cut. Run by hand, with the versions of requirements.txt, onnx and
onnxruntime.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import quiet  # noqa: F401
import numpy as np
import onnx
import onnxruntime
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from clip_vocabulary import write_tokenizer
from golden_paths import CHECKPOINT, ROOT
from random_checkpoint import SCHEDULER_CONFIG, randomize

TOLERANCE = 1e-4  # of the output's deviation
WRITER = ROOT.parent / "support" / "write-graphs.mjs"
MERGE_COUNT = 486
VOCABULARY_SIZE = 512 + MERGE_COUNT + 2

# What is not said is as in random_checkpoint.py's classes: diffusers' own defaults.
SHAPES = {
    "three levels that all attend, 8 latent channels, gelu": dict(
        text=dict(hidden_size=40, num_hidden_layers=4, num_attention_heads=5, intermediate_size=96, hidden_act="gelu"),
        unet=dict(
            in_channels=8,
            out_channels=8,
            block_out_channels=(32, 48, 72),
            down_block_types=("CrossAttnDownBlock2D",) * 3,
            up_block_types=("CrossAttnUpBlock2D",) * 3,
            attention_head_dim=4,
            norm_num_groups=8,
            norm_eps=1e-4,
        ),
        vae=dict(latent_channels=8, block_out_channels=(16, 24, 32, 48), layers_per_block=1, norm_num_groups=8),
        scheduler=dict(prediction_type="v_prediction", timestep_spacing="trailing", beta_end=0.020),
    ),
    "two levels, one layer, linear projections, heads by level, sines first": dict(
        text=dict(hidden_size=24, num_hidden_layers=1, num_attention_heads=2, intermediate_size=56),
        unet=dict(
            block_out_channels=(24, 40),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            attention_head_dim=(3, 5),
            norm_num_groups=4,
            use_linear_projection=True,
            flip_sin_to_cos=False,
            freq_shift=1,
        ),
        vae=dict(
            block_out_channels=(8, 12),
            norm_num_groups=4,
            use_post_quant_conv=False,
            use_quant_conv=False,
            mid_block_add_attention=False,
            scaling_factor=0.7,
        ),
        scheduler=dict(beta_schedule="linear"),
    ),
    "one level, three layers": dict(
        text=dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=1, intermediate_size=16),
        unet=dict(
            block_out_channels=(16,),
            down_block_types=("CrossAttnDownBlock2D",),
            up_block_types=("CrossAttnUpBlock2D",),
            layers_per_block=3,
            attention_head_dim=2,
            norm_num_groups=16,
        ),
        vae=dict(block_out_channels=(16,), norm_num_groups=16),
        scheduler={},
    ),
}


def write_random_checkpoint(folder: Path, shape: dict, seed: int) -> None:
    random = torch.Generator("cpu").manual_seed(seed)
    write_tokenizer(folder / "tokenizer", MERGE_COUNT)
    text = CLIPTextConfig(vocab_size=VOCABULARY_SIZE, max_position_embeddings=77, **shape["text"])
    levels = len(shape["vae"]["block_out_channels"])
    parts = dict(
        text_encoder=CLIPTextModel(text),
        unet=UNet2DConditionModel(cross_attention_dim=text.hidden_size, **shape["unet"]),
        vae=AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            **shape["vae"],
        ),
    )
    for part in parts.values():
        randomize(part, random)
    StableDiffusionPipeline(
        **parts,
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        scheduler=DDIMScheduler(**{**SCHEDULER_CONFIG, **shape["scheduler"]}),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    write_tokenizer(folder / "tokenizer", MERGE_COUNT)


@torch.no_grad()
def check(folder: Path) -> bool:
    written = subprocess.run(["node", WRITER, folder], check=True, stdout=subprocess.PIPE, text=True).stdout
    graphs = json.loads(written)
    for graph in graphs.values():
        onnx.checker.check_model(graph["path"], full_check=True)
    print(f"  onnx.checker: {len(graphs)} graphs")

    pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32)
    random = torch.Generator("cpu").manual_seed(1)
    text_config = pipeline.text_encoder.config
    ids = torch.randint(0, text_config.vocab_size, [2, text_config.max_position_embeddings], generator=random)
    text = pipeline.text_encoder(ids)[0]
    latent = torch.randn([2, pipeline.unet.config.in_channels, 13, 10], generator=random)
    timestep = torch.tensor([921, 3])
    prediction = pipeline.unet(latent, timestep, text).sample
    scale = pipeline.vae.config.scaling_factor
    planes = pipeline.vae.decode(latent / scale).sample
    encoded = pipeline.vae.encode(planes).latent_dist

    inputs = dict(latent=latent.numpy(), timestep=timestep.float().numpy(), text=text.numpy())
    full = run(graphs["unet-full"], inputs)
    latents = run(graphs["vae-encoder"], dict(planes=planes.numpy()))
    differences = {
        "text encoder": difference(run(graphs["text-encoder"], dict(ids=ids.numpy()))["text"], text),
        "U-Net": difference(full["prediction"], prediction),
        "VAE decoder": difference(run(graphs["vae-decoder"], dict(latent=latent.numpy()))["planes"], planes),
        "VAE encoder, mean": difference(latents["mean"], encoded.mean * scale),
        "VAE encoder, deviation": difference(latents["deviation"], encoded.std * scale),
    }
    reuse = "unet-reuse-"
    differences["worst reuse"] = max(
        difference(run(graphs[name], {**inputs, "feature": full[name.removeprefix(reuse)]})["prediction"], prediction)
        for name in graphs
        if name.startswith(reuse)
    )
    for name, value in differences.items():
        print(f"  {name}: {value:.1e}")
    return max(differences.values()) < TOLERANCE


def run(graph: dict, inputs: dict) -> dict:
    session = onnxruntime.InferenceSession(graph["path"], providers=["CPUExecutionProvider"])
    factors = {}
    for target in graph["loraTargets"]:
        factors[f"{target['module']}.lora_A"] = np.zeros([1, target["inputWidth"], 0], np.float32)
        factors[f"{target['module']}.lora_B"] = np.zeros([1, 0, target["outputWidth"]], np.float32)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {**inputs, **factors}), strict=True))


def difference(actual: np.ndarray, expected: torch.Tensor) -> float:
    assert actual.shape == tuple(expected.shape), (actual.shape, expected.shape)
    return float(np.abs(actual - expected.numpy()).max() / expected.std())


def main() -> None:
    named = sys.argv[1:]
    passed = True
    with tempfile.TemporaryDirectory() as temporary:
        for index, checkpoint in enumerate(named or [CHECKPOINT]):
            folder = Path(temporary) / f"checkpoint-{index}"
            shutil.copytree(checkpoint, folder)
            print(checkpoint)
            passed &= check(folder)
        for seed, (name, shape) in enumerate([] if named else SHAPES.items()):
            folder = Path(temporary) / f"shape-{seed}"
            write_random_checkpoint(folder, shape, seed)
            print(name)
            passed &= check(folder)
    sys.exit(0 if passed else f"some outputs differ by more than {TOLERANCE}")


if __name__ == "__main__":
    main()
