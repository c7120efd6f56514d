"""Contact sheets: a grid of pictures as one PNG."""

from pathlib import Path

import numpy
from PIL import Image
from torch import Tensor


def save_sheet(pictures: Tensor, path: Path | str, columns: int, zoom: int = 1, gap_px: int = 2) -> None:
    """pictures [n, 3, h, w] in 0..1."""
    count, _, high, wide = pictures.shape
    lines = -(-count // columns)
    sheet = numpy.full((lines * (high + gap_px), columns * (wide + gap_px), 3), 255, numpy.uint8)
    pixels = (pictures.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    for k in range(count):
        top, left = (k // columns) * (high + gap_px), (k % columns) * (wide + gap_px)
        sheet[top:top + high, left:left + wide] = pixels[k]
    image = Image.fromarray(sheet)
    if zoom > 1:
        image = image.resize((image.width * zoom, image.height * zoom), Image.NEAREST)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
