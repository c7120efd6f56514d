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
# Draws in a row from one generator, each a shape. An odd count below 16 leaves half a pair behind for a later such draw.
STREAMS = [
    [[1, 4, 6, 4], [1, 4, 6, 4], [1, 4, 6, 4]],
    [[3], [3], [4]],
    [[5], [1, 4, 2, 3], [1], [17], [2], [3]],
    [[17], [15], [33], [15]],
]
CAPABILITIES = ["default", "avx2", "avx512"]


def draw_all() -> dict[str, torch.Tensor]:
    draw = lambda seed, shape: torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))
    return {tensor_name(seed, shape): draw(seed, shape) for seed in SEEDS for shape in SHAPES}


def draw_stream(index: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator("cpu").manual_seed(SEEDS[index])
    return {f"stream-{index}/{i}": torch.randn(shape, generator=generator) for i, shape in enumerate(STREAMS[index])}


def tensor_name(seed: int, shape: list[int]) -> str:
    return f"seed-{seed}/{'x'.join(str(side) for side in shape)}"


def write_noise_cases() -> None:
    noise = draw_all()
    streams = {name: draw for index in range(len(STREAMS)) for name, draw in draw_stream(index).items()}
    save_file({**noise, **streams}, EXPECTED / "noise.safetensors")
    write_section(
        "noise",
        {
            "file": "noise.safetensors",
            "dtype": "F32, to be compared by its bits",
            "torch": torch.__version__,
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "sha256_of_all_values_by_capability": {c: digest_under(c) for c in CAPABILITIES},
            "cases": [{"seed": s, "shape": shape, "tensor": tensor_name(s, shape)} for s in SEEDS for shape in SHAPES],
            "streams": [
                {"seed": SEEDS[index], "shapes": shapes, "tensors": [f"stream-{index}/{i}" for i in range(len(shapes))]}
                for index, shapes in enumerate(STREAMS)
            ],
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
