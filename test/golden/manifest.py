"""expected/manifest.json: what every file under expected/ holds. Each module owns one section and replaces it whole."""

import json
import platform

import torch

from golden_paths import EXPECTED

PATH = EXPECTED / "manifest.json"


def write_section(name: str, content: dict) -> None:
    manifest = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
    manifest[name] = content
    write_json(PATH, dict(sorted(manifest.items())))


def write_json(path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(pretty(value) + "\n", encoding="utf-8")


def pretty(value, indent: str = "") -> str:
    """JSON, escaped to ASCII, with a line for each thing that fits on one: a case is a line, not a page of numbers."""
    flat = json.dumps(value, ensure_ascii=True)
    is_leaf = not isinstance(value, (dict, list)) or not value
    is_numbers = isinstance(value, list) and all(isinstance(item, (int, float)) for item in value)
    if is_leaf or is_numbers or len(indent) + len(flat) <= 220:
        return flat
    inner = indent + " "
    if isinstance(value, dict):
        lines = [f"{inner}{json.dumps(key, ensure_ascii=True)}: {pretty(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + pretty(item, inner) for item in value) + f"\n{indent}]"


def record_versions() -> None:
    import diffusers
    import peft
    import transformers

    write_section(
        "made_with",
        {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "torch": torch.__version__,
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "diffusers": diffusers.__version__,
            "transformers": transformers.__version__,
            "peft": peft.__version__,
        },
    )
