"""Contact sheets: a grid of pictures as one PNG."""

from pathlib import Path

import numpy
from PIL import Image
from torch import Tensor

GAP_PX = 2


def save_sheet(pictures: Tensor, path: Path | str, columns: int) -> None:
    """pictures [n, 3, h, w] in 0..1."""
    count, _, high, wide = pictures.shape
    lines = -(-count // columns)
    sheet = numpy.full((lines * (high + GAP_PX), columns * (wide + GAP_PX), 3), 255, numpy.uint8)
    pixels = (pictures.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    for k in range(count):
        top, left = (k // columns) * (high + GAP_PX), (k % columns) * (wide + GAP_PX)
        sheet[top:top + high, left:left + wide] = pixels[k]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(path)
