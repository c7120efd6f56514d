"""A batch of pictures that shapes are painted on, anti-aliased, a patch at a time.

A shape usually covers a small part of the picture, so each paint evaluates its signed distance only
on a square patch around the shape, for the rows that hold it. The canvas keeps a margin on every
side, so that a patch may hang over the edge without special cases.
"""

import math
from dataclasses import dataclass, replace
from typing import Callable

import torch
from torch import Tensor

SIDE_PX = 128
MARGIN_PX = 64
INNER = slice(MARGIN_PX, MARGIN_PX + SIDE_PX)
INK = (0.17, 0.13, 0.22)
INK_WIDTH_PX = 1.7

# x is [n or 1, 1, w] and y [n or 1, h, 1]: a shape pays for a full grid only where it mixes both.
Distance = Callable[[Tensor, Tensor], Tensor]
# One colour, one per row [n, 3], or a function of the coordinates that returns [n, 3, h, w] (or broadcasts to it).
Colour = Tensor | tuple[float, float, float] | Callable[[Tensor, Tensor], Tensor]


class Canvas:
    """Pixels [rows, 3, height, width] in 0..1, margin included."""

    def __init__(self, count: int, device: torch.device | str = "cpu"):
        side = SIDE_PX + 2 * MARGIN_PX
        self.pixels = torch.zeros(count, 3, side, side, device=device)

    def picture(self) -> Tensor:
        """The visible part as [rows, 3, 128, 128], a view."""
        return self.pixels[:, :, INNER, INNER]


@dataclass(frozen=True)
class Pen:
    """Paints in local coordinates: origin and scale place them on the picture, `mirror` is +1 or -1.

    rows: which pictures of the canvas, [n]. origin [n, 2] in pixels; scale, mirror [n].
    inked: which of the rows get a dark outline around every solid shape, bool [n].
    """

    canvas: Canvas
    rows: Tensor
    origin: Tensor
    scale: Tensor
    mirror: Tensor
    inked: Tensor

    def only(self, keep: Tensor) -> "Pen":
        """The same pen for a subset of its rows, given as a bool mask over them."""
        return replace(
            self, rows=self.rows[keep], origin=self.origin[keep], scale=self.scale[keep],
            mirror=self.mirror[keep], inked=self.inked[keep],
        )

    def shifted(self, down: Tensor) -> "Pen":
        """The same pen with its origin moved down by local units, [n]."""
        moved = torch.stack([torch.zeros_like(self.scale), down * self.scale], 1)
        return replace(self, origin=self.origin + moved)

    def paint(self, centre_x, centre_y, reach: float, distance: Distance, colour: Colour,
              opacity=1.0, softness_px: float = 1.0, ink: bool = True) -> None:
        """Paint one shape. `distance` and a callable `colour` see coordinates relative to the centre.

        reach: half the side of the patch, in local units; the shape must lie inside it.
        opacity: a number or [n]. softness_px: width of the edge; more than 1 makes a glow.
        """
        if len(self.rows) == 0:
            return
        x, y, index = self._patch(centre_x, centre_y, reach + softness_px / 2)
        self._blend(index, x, y, distance, colour, opacity, softness_px, ink)

    def fill(self, distance: Distance, colour: Colour) -> None:
        """Paint over the whole picture, in picture pixels from its middle: skies and grounds."""
        if len(self.rows) == 0:
            return
        steps = torch.arange(SIDE_PX, device=self.rows.device) + 0.5 - SIDE_PX / 2
        index = (self.rows, slice(None), INNER, INNER)
        self._blend(index, steps[None, None, :], steps[None, :, None], distance, colour, 1.0, 1.0, ink=False)

    def _blend(self, index, x, y, distance, colour, opacity, softness_px, ink) -> None:
        edge_px = distance(x, y) * self.scale[:, None, None]
        target = self.canvas.pixels[index]
        if ink and self.inked.any():
            line = _coverage(edge_px - INK_WIDTH_PX, 1.0) * self.inked[:, None, None]
            target = _over(target, line, target.new_tensor(INK)[:, None, None])
        fill = colour(x, y) if callable(colour) else _flat(colour, x)
        cover = _coverage(edge_px, softness_px) * _per_row(opacity, x)
        self.canvas.pixels[index] = _over(target, cover, fill)

    def _patch(self, centre_x, centre_y, reach: float):
        """Coordinates x [n, 1, side] and y [n, side, 1] around the centre, and the index of those pixels."""
        half = math.ceil(reach * float(self.scale.max()) + INK_WIDTH_PX + 1)
        side = self.canvas.pixels.shape[-1]
        pixel_x = self.origin[:, 0] + _per_row(centre_x, self.scale) * self.scale * self.mirror + MARGIN_PX
        pixel_y = self.origin[:, 1] + _per_row(centre_y, self.scale) * self.scale + MARGIN_PX
        left = (pixel_x.round().long() - half).clamp(0, side - 2 * half)
        top = (pixel_y.round().long() - half).clamp(0, side - 2 * half)
        steps = torch.arange(2 * half, device=self.rows.device)
        columns, lines = left[:, None] + steps, top[:, None] + steps
        x = (columns + 0.5 - pixel_x[:, None]) / (self.scale * self.mirror)[:, None]
        y = (lines + 0.5 - pixel_y[:, None]) / self.scale[:, None]
        channels = torch.arange(3, device=self.rows.device)[None, :, None, None]
        index = (self.rows[:, None, None, None], channels, lines[:, None, :, None], columns[:, None, None, :])
        return x[:, None, :], y[:, :, None], index


def picture_pen(canvas: Canvas, rows: Tensor, inked: Tensor) -> Pen:
    """A pen in picture pixels, origin in the middle of the picture: what backgrounds use."""
    ones = torch.ones(len(rows), device=rows.device)
    origin = torch.full((len(rows), 2), SIDE_PX / 2, device=rows.device)
    return Pen(canvas, rows, origin, ones, ones, inked)


def _coverage(edge_px: Tensor, softness_px: float) -> Tensor:
    return (0.5 - edge_px / softness_px).clamp(0, 1)


def _over(below: Tensor, cover: Tensor, colour: Tensor) -> Tensor:
    return below + cover[:, None] * (colour - below)


def _flat(colour, like: Tensor) -> Tensor:
    return torch.as_tensor(colour, dtype=like.dtype, device=like.device)[..., None, None]


def _per_row(value, like: Tensor) -> Tensor:
    value = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    return value.reshape(value.shape + (1,) * (like.dim() - value.dim())) if value.dim() else value
