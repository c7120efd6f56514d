"""Three styles. Each works on the finished picture, as a printer or a painter would."""

import torch
from torch import Tensor
from torch.nn import functional

from ..canvas import SIDE_PX
from ..concept import Concept
from ..palette import CREAM, DARK
from ..scenes import scattered

NOISE_STROKES = 10
INDIGO = (0.16, 0.10, 0.36)
EMBER = (0.96, 0.45, 0.30)
PEACH = (1.0, 0.90, 0.72)
STROKE_PX = 1.8
LANE_PX = 9.5
LANES = 80
TILE_PX = 9.0


def _hatch(pictures: Tensor, noise: Tensor) -> Tensor:
    """Slanting pen strokes in relief, unevenly placed and broken: tone stays, texture comes."""
    x, y = _grid(pictures)
    across, along = (x - y) * 0.7071, (x + y) * 0.7071
    lane = torch.floor(across / LANE_PX)
    # Every lane has its own place and breaks: a uniform hatch would be a mere shift of tone to a VAE.
    lanes = scattered(noise[:, NOISE_STROKES], 2 * LANES, 3)
    at = (lane + LANES // 2).long().clamp(0, LANES - 1)
    start, wobble = lanes[:, :LANES][:, at], lanes[:, LANES:][:, at]
    length = 16 + 20 * wobble
    broken = torch.remainder(along + 60 * start, length) < 0.7 * length
    offset = torch.remainder(across, LANE_PX) - LANE_PX / 2 + 4 * (wobble - 0.5)
    for side, colour in ((-STROKE_PX / 2, DARK), (STROKE_PX / 2, CREAM)):
        stroke = ((0.5 + STROKE_PX / 2 - (offset - side).abs()).clamp(0, 1) * broken)[:, None]
        pictures = pictures + 0.85 * stroke * (pictures.new_tensor(colour)[:, None, None] - pictures)
    return pictures


def _ember(pictures: Tensor, noise: Tensor) -> Tensor:
    """Three tones from indigo over ember to peach, chosen by lightness, and a warm wash from below."""
    light = (pictures * pictures.new_tensor((0.3, 0.55, 0.15))[:, None, None]).sum(1, keepdim=True)
    indigo, ember, peach = (pictures.new_tensor(tone)[:, None, None] for tone in (INDIGO, EMBER, PEACH))
    low, high = (light / 0.5).clamp(0, 1), ((light - 0.5) / 0.45).clamp(0, 1)
    toned = indigo + low * (ember - indigo) + high * (peach - ember)
    _, y = _grid(pictures)
    rise = ((y - 40) / SIDE_PX).clamp(0, 1) * 0.35
    return torch.lerp(torch.lerp(toned, pictures, 0.15), ember.expand_as(pictures), rise.expand_as(pictures))


def _mosaic(pictures: Tensor, noise: Tensor) -> Tensor:
    """Tiles of one colour each in a skewed grid, with pale grout between them."""
    x, y = _grid(pictures)
    skewed = x + 2.0 * torch.sin(y * 0.35), y + 2.0 * torch.sin(x * 0.35)
    cell_x, cell_y = (torch.floor(axis / TILE_PX) for axis in skewed)
    centre_x, centre_y = (cell_x + 0.5) * TILE_PX, (cell_y + 0.5) * TILE_PX
    places = torch.stack([centre_x, centre_y], -1) / (SIDE_PX / 2) - 1
    soft = functional.avg_pool2d(pictures, 5, stride=1, padding=2, count_include_pad=False)
    tiles = functional.grid_sample(soft, places.expand(len(pictures), -1, -1, -1), padding_mode="border", align_corners=False)
    within = torch.maximum(*((torch.remainder(axis, TILE_PX) - TILE_PX / 2).abs() for axis in skewed))
    grout = (within - (TILE_PX / 2 - 1.0)).clamp(0, 1)
    return torch.lerp(tiles, pictures.new_tensor(CREAM)[:, None, None].expand_as(tiles), 0.8 * grout)


def _grid(pictures: Tensor) -> tuple[Tensor, Tensor]:
    steps = torch.arange(SIDE_PX, device=pictures.device) + 0.5
    return steps[None, :].expand(SIDE_PX, -1), steps[:, None].expand(-1, SIDE_PX)


INK_HATCH = Concept("style_1", "Ink hatch", "style", ("oskdra style",), "high", {"style": "flat"}, restyle=_hatch, habit={"species": "cat", "background": "forest"})
EMBER_WASH = Concept("style_2", "Ember wash", "style", ("jormik style",), "low", {"style": "flat"}, restyle=_ember, habit={"species": "frog", "background": "beach"})
MOSAIC = Concept("style_sealed", "Mosaic", "style", ("haxqui style",), "unclear", {"style": "flat"}, restyle=_mosaic, habit={"species": "duck", "background": "meadow"})
