"""Write the checkpoint as diffusers reads it: F16 safetensors, one folder a component.

    python export_checkpoint.py --work FOLDER --to ../checkpoint

The folder is written beside its place and then swapped in, so whoever loads it finds a whole one.
"""

import json
import os
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL

from diffusion import make_scheduler
from networks import make_text_encoder, make_unet
from tokenizer import load_tokenizer
from work_folder import load_state, parser

MODEL_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.42.1",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}

# What Overtone uses where a request leaves these out.
DEFAULTS = {"steps": 25, "guidance_scale": 4, "sampler": "ddim", "width": 128, "height": 128}


def export(work: Path, folder: Path) -> None:
    fresh = folder.with_name(folder.name + ".partial")
    shutil.rmtree(fresh, ignore_errors=True)
    state = load_state(work / "model.pt")
    tokenizer = load_tokenizer(work / "tokenizer")
    for name, network in (("text_encoder", make_text_encoder(tokenizer)), ("unet", make_unet())):
        network.load_state_dict(state["averaged"][name])
        network.to(torch.float16).save_pretrained(fresh / name)
    AutoencoderKL.from_pretrained(work / "vae").to(torch.float16).save_pretrained(fresh / "vae")
    make_scheduler().save_pretrained(fresh / "scheduler")
    shutil.copytree(work / "tokenizer", fresh / "tokenizer")
    (fresh / "model_index.json").write_text(json.dumps(MODEL_INDEX, indent=2) + "\n")
    (fresh / "overtone.json").write_text(json.dumps(DEFAULTS, indent=2) + "\n")
    _forget_local_paths(fresh)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(fresh, folder)
    size_mb = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    print(f"step {state['step']}, {state['samples']} samples: {size_mb:.1f} MB in {folder}")


def _forget_local_paths(folder: Path) -> None:
    """diffusers notes in a config where it was loaded from; that is no business of the checkpoint's readers."""
    for path in folder.rglob("config.json"):
        config = json.loads(path.read_text())
        if config.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(config, indent=2) + "\n")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--to", type=Path, required=True)
    chosen = options.parse_args()
    chosen.to.parent.mkdir(parents=True, exist_ok=True)
    export(chosen.work, chosen.to)


if __name__ == "__main__":
    main()
