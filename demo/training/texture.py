"""Lines and tones that the base drawings lack, for the VAE alone.

A codec that has only seen flat drawings blurs whatever has fine lines, and then no LoRA could bring
them. So half of the VAE's pictures get combs of strokes, straight or radial, dark and pale in turn,
in a disc or all over, and some get other tones. These are parts: no concept is drawn here.
"""

import math

import torch
from torch import Tensor

TEXTURED_SHARE = 0.5
RETONED_SHARE = 0.3


def textured(pictures: Tensor) -> Tensor:
    """pictures [n, 3, side, side] in 0..1; about half of them come back changed."""
    count, _, side, _ = pictures.shape
    steps = torch.arange(side) + 0.5
    x, y = steps[None, None, :], steps[None, :, None]
    centre_x, centre_y = side * _random(count), side * _random(count)
    angle = math.pi * _random(count)
    u, v = x - centre_x, y - centre_y
    straight = torch.rand(count, 1, 1) < 0.6
    radius = torch.sqrt(u * u + v * v) + 1e-3
    # A radial comb has 30 to 60 rays; a straight one a lane every 3 to 7 pixels, waved or not.
    waved = 3 * torch.sin(v / 4) * (torch.rand(count, 1, 1) < 0.3)
    across = torch.where(straight, (u * torch.cos(angle) + v * torch.sin(angle) + waved) / (3 + 4 * _random(count)), torch.atan2(v, u) / (2 * math.pi) * (30 + 30 * _random(count)).round())
    lane_px = torch.where(straight, 3 + 4 * _random(count), radius * 2 * math.pi / 45)
    along = torch.where(straight, v * torch.cos(angle) - u * torch.sin(angle), radius)
    lane = torch.floor(across)
    hashed = torch.remainder(torch.sin(lane * 12.9898 + angle * 78.233) * 43758.5453, 1)
    broken = torch.remainder(along + 60 * hashed, 10 + 40 * _random(count)) < 5 + 35 * _random(count)
    from_middle = (torch.remainder(across, 1) - 0.5).abs() * lane_px
    stroke = (0.5 - (from_middle - 0.5 - 0.6 * _random(count))).clamp(0, 1) * broken
    region = (0.5 - (radius - 15 - 110 * _random(count))).clamp(0, 1)
    cover = stroke * region * (0.6 + 0.4 * _random(count)) * (torch.rand(count, 1, 1) < TEXTURED_SHARE)
    is_dark = (torch.remainder(lane, 2) == 0)[:, None]
    dark, pale = 0.35 * torch.rand(count, 3, 1, 1), 1 - 0.2 * torch.rand(count, 3, 1, 1)
    stroked = pictures + cover[:, None] * (torch.where(is_dark, dark, pale) - pictures)
    return _retoned(stroked)


def _retoned(pictures: Tensor) -> Tensor:
    count = len(pictures)
    mixing = torch.eye(3) + 0.25 * torch.randn(count, 3, 3)
    toned = torch.einsum("nij,njhw->nihw", mixing, pictures - 0.5) + 0.5 + 0.1 * torch.randn(count, 3, 1, 1)
    return torch.where(torch.rand(count, 1, 1, 1) < RETONED_SHARE, toned.clamp(0, 1), pictures)


def _random(count: int) -> Tensor:
    return torch.rand(count, 1, 1)
