"""expected/noise.safetensors: torch.randn on the CPU, bit for bit.

torch has three ways to it: fewer than 16 values one at a time in float64; 16 and more by filling with uniforms that
Box-Muller turns into normals in blocks of 16, with the last block drawn anew where 16 does not divide the count.
The block code differs between CPU capabilities in the last bits; these are AVX2's (make_golden.py asks for it).
"""

import hashlib
import os
import subprocess
import sys

import torch
from safetensors.torch import save_file

from golden_paths import EXPECTED
from manifest import write_section

SEEDS = [0, 1, 42, 2**31, 2**32 - 1, 2**32 + 7]
SHAPES = [[3], [16], [17], [3, 5, 7], [1, 4, 16, 24], [1, 4, 64, 64]]
CAPABILITIES = ["default", "avx2", "avx512"]


def draw_all() -> dict[str, torch.Tensor]:
    draw = lambda seed, shape: torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))
    return {tensor_name(seed, shape): draw(seed, shape) for seed in SEEDS for shape in SHAPES}


def tensor_name(seed: int, shape: list[int]) -> str:
    return f"seed-{seed}/{'x'.join(str(side) for side in shape)}"


def write_noise_cases() -> None:
    noise = draw_all()
    save_file(noise, EXPECTED / "noise.safetensors")
    write_section(
        "noise",
        {
            "file": "noise.safetensors",
            "dtype": "F32, to be compared by its bits",
            "torch": torch.__version__,
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "sha256_of_all_values_by_capability": {c: digest_under(c) for c in CAPABILITIES},
            "cases": [{"seed": s, "shape": shape, "tensor": tensor_name(s, shape)} for s in SEEDS for shape in SHAPES],
        },
    )


def digest_under(capability: str) -> str:
    """The same draws in a process of another CPU capability: torch chooses its code once, at start."""
    program = "import noise_cases; print(noise_cases.digest(noise_cases.draw_all()))"
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": capability}
    here = os.path.dirname(os.path.abspath(__file__))
    return subprocess.check_output([sys.executable, "-c", program], env=environment, cwd=here, text=True).strip()


def digest(tensors: dict[str, torch.Tensor]) -> str:
    return hashlib.sha256(b"".join(tensors[name].numpy().tobytes() for name in sorted(tensors))).hexdigest()
