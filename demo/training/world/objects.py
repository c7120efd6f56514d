"""What the raised hand holds. Each object has colours of its own, as crests do."""

import torch

from . import shapes
from .canvas import Pen
from .creature import HAND
from .palette import CORAL, CREAM, GOLD, blended, shade, tint
from .scenes import Scenes

WOOD = (0.70, 0.50, 0.33)
FLAG_BLUE = (0.27, 0.55, 0.85)
CANDY = (0.93, 0.42, 0.66)
WAFER = (0.90, 0.68, 0.40)
MINT = (0.66, 0.90, 0.78)


def draw_object(pen: Pen, scenes: Scenes) -> None:
    held = lambda name: pen.only(scenes.slot_is("object", name))
    _balloon(held("balloon"))
    _star_wand(held("star wand"))
    _lollipop(held("lollipop"))
    _flag(held("flag"))
    _ice_cream(held("ice cream"))


def draw_paw(pen: Pen, colour) -> None:
    """The hand closes over whatever it holds."""
    pen.paint(*HAND, 7, lambda x, y: shapes.circle(x, y, 5.2), colour)


def draw_stick(pen: Pen, height: float, colour=WOOD) -> None:
    pen.paint(HAND[0], HAND[1] - height / 2, height / 2 + 10, lambda x, y: shapes.capsule(x, y, 0, 8, 0, -height / 2, 1.3), colour)


def _balloon(pen: Pen) -> None:
    pen.paint(HAND[0] + 3, HAND[1] - 12, 16, lambda x, y: shapes.capsule(x, y, -3, 12, 3, -12, 0.6), shade(CREAM, 0.5), ink=False)
    pen.paint(HAND[0] + 6, HAND[1] - 25, 5, lambda x, y: shapes.polygon(x, y, [(0, -4), (4, 3), (-4, 3)]), shade(CORAL, 0.2))
    pen.paint(HAND[0] + 7, HAND[1] - 41, 18, lambda x, y: shapes.ellipse(x, y, 14, 16.5), CORAL)
    pen.paint(HAND[0] + 2, HAND[1] - 47, 6, lambda x, y: shapes.ellipse(*shapes.rotated(x, y, 25.0), 2.5, 4.5), tint(CORAL, 0.6), ink=False)


def _star_wand(pen: Pen) -> None:
    draw_stick(pen, 24)
    pen.paint(HAND[0], HAND[1] - 29, 17, lambda x, y: shapes.star(x, y, 14, 6.5) - 1, GOLD)


def _lollipop(pen: Pen) -> None:
    draw_stick(pen, 22, CREAM)
    pen.paint(HAND[0], HAND[1] - 27, 14, lambda x, y: shapes.circle(x, y, 12.5), _swirl)


def _swirl(x, y):
    turn = torch.atan2(y, x) + torch.sqrt(x * x + y * y + 1e-6) * 0.35
    return blended(CANDY, CREAM, (torch.sin(turn * 2) * 2.5 + 0.5).clamp(0, 1))


def _flag(pen: Pen) -> None:
    draw_stick(pen, 42)
    pen.paint(HAND[0] + 12, HAND[1] - 33, 16, lambda x, y: shapes.polygon(x, y, [(-12, -11), (13, 0), (-12, 11)]) - 1, FLAG_BLUE)


def _ice_cream(pen: Pen) -> None:
    pen.paint(HAND[0], HAND[1] - 5, 16, lambda x, y: shapes.polygon(x, y, [(-9, -9), (9, -9), (0, 14)]) - 1, WAFER)
    pen.paint(HAND[0], HAND[1] - 19, 14, lambda x, y: shapes.circle(x, y, 11), MINT)
    pen.paint(HAND[0] + 3, HAND[1] - 30, 6, lambda x, y: shapes.circle(x, y, 3.8), CORAL)
