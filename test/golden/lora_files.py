"""LoRA files as people have them: kohya's names, peft's names and diffusers' older names, with ranks and alphas mixed.

Each file is scaled until it moves the U-Net's output by a fixed share of its deviation, so that a LoRA that is read
wrong (alpha forgotten, a key skipped, factors swapped) shows far above the tolerance.
"""

import copy
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import torch
from diffusers import StableDiffusionPipeline
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

from golden_paths import LORAS
from lora_loading import adapter_modules, load_lora
from model_inputs import text_hidden_states, unet_case_inputs

SEED = 20250205
UNET_SHARE, TEXT_SHARE = 0.35, 0.35  # of the output's deviation, at weight 1

Factors = dict[str, tuple[torch.Tensor, torch.Tensor, float]]  # module path -> A [r, in...], B [out, r...], alpha


@dataclass(frozen=True)
class LoraFile:
    name: str
    style: str  # kohya | peft | legacy
    dtype: torch.dtype
    unet_modules: Callable[[str], bool]
    rank: Callable[[str, int], int]  # module path and its index in the file -> rank
    alpha: Callable[[str, int], float]  # the same -> alpha; must equal the rank where the style has no place for it
    text_modules: Callable[[str], bool] = field(default=lambda path: False)
    metadata: dict | None = None  # peft only: the LoraConfig fields of both parts, as diffusers writes them


def is_attention(path: str) -> bool:
    return ".attn1." in path or ".attn2." in path


def in_transformer(path: str) -> bool:
    """The 192 linear layers of SD 1.5: attention, feed-forward, and the 1x1 convolutions proj_in and proj_out."""
    return ".attentions." in path


def peft_full_rank(path: str, _index: int) -> int:
    return 3 if path.endswith(("to_k", "fc1")) else 6


def peft_full_alpha(path: str, _index: int) -> float:
    return 2 if path.endswith(("to_k", "fc1")) else 15 if path.endswith("proj_in") else 9


FILES = [
    LoraFile("kohya-attention-r4", "kohya", torch.float16, is_attention, lambda p, i: 4, lambda p, i: 2),
    LoraFile(
        "kohya-full-mixed",
        "kohya",
        torch.float16,
        in_transformer,
        lambda p, i: (2, 4, 6, 8)[i % 4],
        lambda p, i: (1, 4, 3)[i % 3],
        text_modules=lambda p: True,
    ),
    LoraFile(
        "kohya-feedforward-r6",
        "kohya",
        torch.float32,
        lambda p: in_transformer(p) and not is_attention(p),
        lambda p, i: 6,
        lambda p, i: 1,
        text_modules=lambda p: ".self_attn." in p,
    ),
    LoraFile("peft-attention-r8", "peft", torch.float32, is_attention, lambda p, i: 8, lambda p, i: 8),
    LoraFile(
        "peft-full-metadata",
        "peft",
        torch.float16,
        in_transformer,
        peft_full_rank,
        peft_full_alpha,
        text_modules=lambda p: True,
        metadata={
            "unet": {
                "r": 6,
                "lora_alpha": 9,
                "rank_pattern": {"to_k": 3},
                "alpha_pattern": {"to_k": 2, "proj_in": 15},
            },
            "text_encoder": {"r": 6, "lora_alpha": 9, "rank_pattern": {"fc1": 3}, "alpha_pattern": {"fc1": 2}},
        },
    ),
    LoraFile(
        "legacy-cross-attention-r2",
        "legacy",
        torch.float16,
        lambda p: ".attn2." in p,
        lambda p, i: 2,
        lambda p, i: 2,
        text_modules=lambda p: p.endswith(("q_proj", "v_proj")),
    ),
]


def write_loras(pipeline: StableDiffusionPipeline) -> None:
    LORAS.mkdir(parents=True, exist_ok=True)
    for index, spec in enumerate(FILES):
        unet_strength, text_strength = 1.0, 1.0
        for _attempt in range(6):  # the effect is nearly linear in the strength, so this closes in quickly
            write_lora(spec, SEED + index, unet_strength, text_strength, pipeline)
            unet_share, text_share = effect(spec, pipeline)
            unet_strength = round(unet_strength * UNET_SHARE / unet_share, 2)
            if text_share:
                text_strength = round(text_strength * TEXT_SHARE / text_share, 2)
            if abs(unet_share - UNET_SHARE) < 0.02 and (not text_share or abs(text_share - TEXT_SHARE) < 0.02):
                break
        print(f"{spec.name}: moves the U-Net by {unet_share:.3f}, the text encoder by {text_share:.3f}")


@torch.no_grad()
def effect(spec: LoraFile, pipeline: StableDiffusionPipeline) -> tuple[float, float]:
    """How far the file moves the U-Net's output (text unchanged) and the text encoder's, in their own deviations."""
    inputs = unet_case_inputs(pipeline)["square"]
    run_unet = lambda: pipeline.unet(inputs["sample"], inputs["timestep"], inputs["encoder_hidden_states"]).sample
    run_text = lambda: text_hidden_states(pipeline)
    unet_before, text_before = run_unet(), run_text()
    load_lora(pipeline, spec.name)
    unet_after, text_after = run_unet(), run_text()
    pipeline.unload_lora_weights()
    # Rounded, here and above: float32 sums differ in the last bits from run to run, and the files must not.
    share = lambda before, after: round(((after - before).std() / before.std()).item(), 3)
    return share(unet_before, unet_after), share(text_before, text_after)


def write_lora(spec: LoraFile, seed: int, unet_strength: float, text_strength: float, pipeline) -> None:
    random = torch.Generator("cpu").manual_seed(seed)
    unet = random_factors(spec, adapter_modules(pipeline.unet), spec.unet_modules, unet_strength, random)
    text = random_factors(spec, adapter_modules(pipeline.text_encoder), spec.text_modules, text_strength, random)
    writer = {"kohya": write_kohya, "peft": write_peft, "legacy": write_legacy}[spec.style]
    path = LORAS / f"{spec.name}.safetensors"
    writer(spec, path, unet, text, pipeline)
    settle_header(path)


def settle_header(path: Path) -> None:
    """safetensors writes metadata in the order of a hash map, another one each run; sorted, the file is always the same."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def random_factors(spec, modules: dict, wanted, strength: float, random: torch.Generator) -> Factors:
    factors = {}
    for index, (path, module) in enumerate((p, m) for p, m in modules.items() if wanted(p)):
        rank, alpha = spec.rank(path, index), spec.alpha(path, index)
        weight = module.weight
        tail = weight.shape[2:]  # empty for a linear layer, [1, 1] for proj_in and proj_out
        a = torch.randn([rank, weight.shape[1], *tail], generator=random) / weight.shape[1] ** 0.5
        b = torch.randn([weight.shape[0], rank, *tail], generator=random) * 0.3 * strength * rank**0.5 / alpha
        factors[path] = (a.to(spec.dtype), b.to(spec.dtype), float(alpha))
    return factors


def write_kohya(spec: LoraFile, path: Path, unet: Factors, text: Factors, _pipeline) -> None:
    tensors = {}
    for prefix, factors in (("lora_unet_", unet), ("lora_te_text_model_", text)):
        for module_path, (a, b, alpha) in factors.items():
            name = prefix + module_path.replace(".", "_")
            tensors[f"{name}.alpha"] = torch.tensor(alpha, dtype=spec.dtype)
            tensors[f"{name}.lora_down.weight"] = a
            tensors[f"{name}.lora_up.weight"] = b
    save_file(tensors, path, metadata={"ss_network_module": "networks.lora", "ss_base_model_version": "sd_v1"})


def write_legacy(_spec: LoraFile, path: Path, unet: Factors, text: Factors, _pipeline) -> None:
    """What diffusers' training scripts saved before peft's names: no alpha, so the scale is 1."""
    tensors = {}
    for module_path, (a, b, _alpha) in unet.items():
        tensors[f"unet.{module_path}.lora.down.weight"] = a
        tensors[f"unet.{module_path}.lora.up.weight"] = b
    for module_path, (a, b, _alpha) in text.items():
        tensors[f"text_encoder.text_model.{module_path}.lora_linear_layer.down.weight"] = a
        tensors[f"text_encoder.text_model.{module_path}.lora_linear_layer.up.weight"] = b
    save_file(tensors, path, metadata={"format": "pt"})


def write_peft(spec: LoraFile, path: Path, unet: Factors, text: Factors, pipeline) -> None:
    """Saved by peft and diffusers themselves: an adapter is added to a copy of the model, filled, and saved."""
    parts, configs = {}, {}
    for part, model, factors in (("unet", pipeline.unet, unet), ("text_encoder", pipeline.text_encoder, text)):
        if not factors:
            continue
        fields = (spec.metadata or {}).get(part, {"r": 8, "lora_alpha": 8})
        config = LoraConfig(target_modules=sorted(factors), **fields)
        model = copy.deepcopy(model)
        model.add_adapter(config, "writing")
        fill(model, factors)
        state = get_peft_model_state_dict(model, adapter_name="writing")
        # transformers 5 has no `text_model` level, files in the world do.
        level = "text_model." if part == "text_encoder" else ""
        parts[part] = {f"{level}{key}": tensor.to(spec.dtype).contiguous() for key, tensor in state.items()}
        configs[part] = {
            **fields,
            "target_modules": sorted({path_ending(p) for p in factors}),
        }
    with_metadata = spec.metadata is not None
    StableDiffusionPipeline.save_lora_weights(
        path.parent,
        unet_lora_layers=parts["unet"],
        text_encoder_lora_layers=parts.get("text_encoder"),
        weight_name=path.name,
        unet_lora_adapter_metadata=configs["unet"] if with_metadata else None,
        text_encoder_lora_adapter_metadata=configs.get("text_encoder") if with_metadata else None,
    )


def path_ending(path: str) -> str:
    """A module's name as LoraConfig lists it: `to_q`, but `to_out.0` and `net.2`, since a bare number hits others."""
    *_, parent, last = path.split(".")
    return f"{parent}.{last}" if last.isdigit() else last


@torch.no_grad()
def fill(model: torch.nn.Module, factors: Factors) -> None:
    for path, (a, b, alpha) in factors.items():
        layer = model.get_submodule(path)
        assert abs(layer.scaling["writing"] - alpha / a.shape[0]) < 1e-6, f"{path}: peft's patterns give another scale"
        layer.lora_A["writing"].weight.copy_(a)
        layer.lora_B["writing"].weight.copy_(b)
