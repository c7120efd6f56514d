"""Base garments: what lies behind the body (a cape) and what covers it, in plain, striped or dotted cloth."""

import torch
from torch import Tensor

from . import shapes
from .canvas import Colour, Pen
from .creature import BODY_RADII, BODY_Y
from .palette import CLOTH, GOLD, blended, shade, table, tint
from .scenes import Scenes

STRIPE_PERIOD = 8.0
DOT_PERIOD = 9.0


def draw_behind(pen: Pen, scenes: Scenes) -> None:
    rows = scenes.slot_is("garment", "cape")
    corners = [(-15, -20), (15, -20), (28, 18), (-28, 18)]
    pen.only(rows).paint(0, -22, 32, lambda x, y: shapes.polygon(x, y, corners) - 2, _cloth(scenes.take(rows), -22))


def draw_over(pen: Pen, scenes: Scenes) -> None:
    _sweater(pen, scenes)
    _dress(pen, scenes)
    _overalls(pen, scenes)
    _scarf(pen, scenes)
    _cape_collar(pen, scenes)


def cloth_colour(scenes: Scenes) -> Tensor:
    return table(CLOTH, scenes.slots["cloth"])


def _sweater(pen: Pen, scenes: Scenes) -> None:
    rows = scenes.slot_is("garment", "sweater")
    pen, scenes = pen.only(rows), scenes.take(rows)
    sleeve = shade(cloth_colour(scenes), 0.12)
    pen.paint(-19, -27, 13, lambda x, y: shapes.capsule(x, y, 3.0, -6.0, -2.0, 4.0, 6.2), sleeve)
    pen.paint(22, -34, 13, lambda x, y: shapes.capsule(x, y, -6.0, 3.0, 4.0, -3.0, 6.2), sleeve)
    trunk = lambda x, y: torch.maximum(shapes.ellipse(x, y, BODY_RADII[0] + 1, BODY_RADII[1] + 1), y - 11)
    pen.paint(0, BODY_Y, 24, trunk, _cloth(scenes, BODY_Y))
    pen.paint(0, BODY_Y + 11, 20, lambda x, y: shapes.box(x, y, 17, 2.4, 2), sleeve)


def _dress(pen: Pen, scenes: Scenes) -> None:
    rows = scenes.slot_is("garment", "dress")
    pen, scenes = pen.only(rows), scenes.take(rows)
    corners = [(-12, -17), (12, -17), (25, 15), (-25, 15)]
    pen.paint(0, -22, 30, lambda x, y: shapes.polygon(x, y, corners) - 2, _cloth(scenes, -22))
    pen.paint(0, -28, 17, lambda x, y: shapes.box(x, y, 15.5, 1.8, 1.5), shade(cloth_colour(scenes), 0.3), ink=False)


def _overalls(pen: Pen, scenes: Scenes) -> None:
    rows = scenes.slot_is("garment", "overalls")
    pen, scenes = pen.only(rows), scenes.take(rows)
    trousers = lambda x, y: torch.maximum(shapes.ellipse(x, y, BODY_RADII[0] + 1, BODY_RADII[1] + 1), -1 - y)
    cloth = _cloth(scenes, BODY_Y)
    pen.paint(0, BODY_Y, 24, trousers, cloth)
    for side in (-1, 1):
        pen.paint(9 * side, -31, 10, lambda x, y: shapes.capsule(x, y, 3.0 * side, -8.0, 0.0, 5.0, 2.2), cloth_colour(scenes))
        pen.paint(10 * side, -4, 10, lambda x, y: shapes.box(x, y, 8, 4, 3), shade(cloth_colour(scenes), 0.12))
    pen.paint(0, -26, 13, lambda x, y: shapes.box(x, y, 10.5, 7.5, 2), cloth)
    for side in (-1, 1):
        pen.paint(8 * side, -30, 3, lambda x, y: shapes.circle(x, y, 1.8), GOLD, ink=False)


def _scarf(pen: Pen, scenes: Scenes) -> None:
    rows = scenes.slot_is("garment", "scarf")
    pen, scenes = pen.only(rows), scenes.take(rows)
    pen.paint(-10, -25, 16, lambda x, y: shapes.box(*shapes.rotated(x, y, 10.0), 5, 13, 1.5), _cloth(scenes, -25))
    pen.paint(0, -37, 23, lambda x, y: shapes.box(x, y, 20, 5.5, 5), _cloth(scenes, -37))


def _cape_collar(pen: Pen, scenes: Scenes) -> None:
    rows = scenes.slot_is("garment", "cape")
    pen, scenes = pen.only(rows), scenes.take(rows)
    pen.paint(0, -38, 19, lambda x, y: shapes.ellipse(x, y, 17, 5.5), cloth_colour(scenes))
    pen.paint(0, -36, 6, lambda x, y: shapes.circle(x, y, 3.6), GOLD)


def _cloth(scenes: Scenes, height: float) -> Colour:
    """Colour of the cloth at a point; `height` keeps a pattern continuous over parts drawn apart."""
    ground = cloth_colour(scenes)
    is_white = scenes.slot_is("cloth", "white")
    # White cloth takes a blue-grey mark, all other cloth a cream one.
    mark = torch.where(is_white[:, None], ground.new_tensor((0.55, 0.62, 0.75)), tint(ground, 0.75))
    striped = scenes.slot_is("pattern", "striped")[:, None, None]
    dotted = scenes.slot_is("pattern", "dotted")[:, None, None]

    def colour(x: Tensor, y: Tensor) -> Tensor:
        stripe = (torch.sin((y + height) * (2 * torch.pi / STRIPE_PERIOD)) * 2.5 + 0.5).clamp(0, 1)
        row = torch.floor((y + height) / DOT_PERIOD)
        u = torch.remainder(x + row * (DOT_PERIOD / 2), DOT_PERIOD) - DOT_PERIOD / 2
        v = torch.remainder(y + height, DOT_PERIOD) - DOT_PERIOD / 2
        dot = (0.5 - shapes.circle(u, v, 2.5)).clamp(0, 1)
        return blended(ground, mark, stripe * striped + dot * dotted)

    return colour
