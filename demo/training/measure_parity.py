"""Overtone's pictures against diffusers': the sheets that `overtone_sheets.py` made, made again from the
same prompts, seeds and LoRAs by diffusers. The gate is 40 dB.

    python measure_parity.py [--pictures 8]

Compares the first pictures of base.png, and the first picture of each LoRA's row in loras.png.
"""

from pathlib import Path

import numpy
import torch
from PIL import Image

from overtone_sheets import DEMO
from sampling import open_pipeline, sample
from sheet import GAP_PX
from work_folder import parser
from world.canvas import SIDE_PX


def tile(sheet: numpy.ndarray, line: int, column: int) -> numpy.ndarray:
    top, left = line * (SIDE_PX + GAP_PX), column * (SIDE_PX + GAP_PX)
    return sheet[top:top + SIDE_PX, left:left + SIDE_PX]


def psnr_db(ours: numpy.ndarray, theirs: torch.Tensor) -> float:
    """theirs: [3, h, w] in 0..1, rounded to bytes as a PNG is."""
    bytes_of = (theirs * 255).round().permute(1, 2, 0).numpy()
    return 10 * numpy.log10(255**2 / max(((ours - bytes_of) ** 2).mean(), 1e-9))


def load(name: str) -> tuple[numpy.ndarray, list[str]]:
    sheet = numpy.array(Image.open(DEMO / "sheets" / f"{name}.png").convert("RGB")).astype(float)
    return sheet, (DEMO / "sheets" / f"{name}.txt").read_text().splitlines()


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--pictures", type=int, default=8)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    pipeline = open_pipeline(DEMO / "checkpoint", chosen.device)
    sheet, prompts = load("base")
    for column, picture in enumerate(sample(pipeline, prompts[:chosen.pictures], seed=0)):
        print(f"base, seed {column}: {psnr_db(tile(sheet, column // 8, column % 8), picture):.1f} dB", flush=True)
    sheet, prompts = load("loras")
    files = sorted(Path(DEMO / "loras").glob("*.safetensors"))
    for line, path in enumerate(files):
        pipeline.load_lora_weights(path.parent, weight_name=path.name, adapter_name=path.stem)
        picture = sample(pipeline, [prompts[line * len(prompts) // len(files)]], seed=0)[0]
        pipeline.delete_adapters(path.stem)
        print(f"{path.stem}: {psnr_db(tile(sheet, line, 0), picture):.1f} dB", flush=True)


if __name__ == "__main__":
    main()
