"""LoRA files into a pipeline by diffusers' own loader, audited.

Expected values are worth no more than the loader that made them, so after each load every factor and scale in the
model is compared with the file, read a second time by the few lines below. Where diffusers gets a scale wrong it is put
right, and the report says so.
"""

import json

import torch
from diffusers import StableDiffusionPipeline
from safetensors import safe_open

from golden_paths import LORAS


def adapter_modules(model: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """Every linear layer and convolution by its path, whether peft has wrapped it or not."""
    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    modules = {path.removesuffix(".base_layer"): m for path, m in model.named_modules() if isinstance(m, kinds)}
    return {path: m for path, m in modules.items() if ".lora_" not in path}


def load_lora(pipeline: StableDiffusionPipeline, name: str) -> list[dict]:
    """Loads loras/NAME.safetensors as adapter NAME and returns its modules, one row each (see `file_modules`)."""
    pipeline.load_lora_weights(LORAS, weight_name=f"{name}.safetensors", adapter_name=name)
    rows = file_modules(pipeline, name)
    models = {"unet": pipeline.unet, "text_encoder": pipeline.text_encoder}
    loaded = {(part, path) for part, model in models.items() for path, m in model.named_modules() if has(m, name)}
    assert loaded == {(row["part"], row["path"]) for row in rows}, f"{name}: diffusers loaded other modules"
    for row in rows:
        layer = models[row["part"]].get_submodule(row["path"])
        a, b = row.pop("factors")
        assert torch.equal(layer.lora_A[name].weight.float(), a.float()), row
        assert torch.equal(layer.lora_B[name].weight.float(), b.float()), row
        row["corrected"] = abs(layer.scaling[name] - row["alpha"] / row["rank"]) > 1e-6
        layer.r[name], layer.lora_alpha[name] = row["rank"], row["alpha"]
        layer.scaling[name] = row["alpha"] / row["rank"]  # set_adapters recomputes it from the two above
    return rows


def has(module: torch.nn.Module, adapter: str) -> bool:
    return hasattr(module, "lora_A") and adapter in module.lora_A


def file_modules(pipeline: StableDiffusionPipeline, name: str) -> list[dict]:
    """One row for each module of the file: part, path, key (the file's prefix for it), rank, alpha, factors."""
    with safe_open(LORAS / f"{name}.safetensors", "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}
        header = file.metadata() or {}
    metadata = json.loads(header.get("lora_adapter_metadata", "{}"))
    rows, used = [], set()
    for part, model in (("unet", pipeline.unet), ("text_encoder", pipeline.text_encoder)):
        for path in adapter_modules(model):
            for prefix, down, up in spellings(part, path):
                if prefix + down not in tensors:
                    continue
                a, b = tensors[prefix + down], tensors[prefix + up]
                alpha = file_alpha(tensors, metadata, part, path, prefix, rank=a.shape[0])
                used |= {prefix + down, prefix + up, f"{prefix}.alpha"}
                rows.append(dict(part=part, path=path, key=prefix, rank=a.shape[0], alpha=alpha, factors=(a, b)))
    assert set(tensors) <= used, f"{name}: keys without a module: {set(tensors) - used}"
    return rows


def spellings(part: str, path: str):
    """The names that a module's factors may have: (prefix, down suffix, up suffix)."""
    flat, level = path.replace(".", "_"), "text_model." if part == "text_encoder" else ""
    kohya = "lora_unet_" if part == "unet" else "lora_te_text_model_"
    yield kohya + flat, ".lora_down.weight", ".lora_up.weight"
    yield f"{part}.{level}{path}", ".lora_A.weight", ".lora_B.weight"
    yield f"{part}.{level}{path}", ".lora.down.weight", ".lora.up.weight"
    yield f"{part}.{level}{path}", ".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"


def file_alpha(tensors: dict, metadata: dict, part: str, path: str, prefix: str, rank: int) -> float:
    """The file's own `.alpha`; else diffusers' metadata, where a pattern names the end of a path; else the rank."""
    if f"{prefix}.alpha" in tensors:
        return tensors[f"{prefix}.alpha"].item()
    if f"{part}.lora_alpha" in metadata:
        patterns = metadata.get(f"{part}.alpha_pattern", {})
        return float(next((a for end, a in patterns.items() if path.endswith(end)), metadata[f"{part}.lora_alpha"]))
    return float(rank)
