"""Three things to hold. Two of them are held before the chest, over whatever the animal wears."""

import math

import torch

from .. import shapes
from ..canvas import Pen
from ..concept import Concept
from ..creature import HAND, fur_colour
from ..objects import draw_stick
from ..palette import CREAM, GOLD, blended, tint
from ..relief import relief_line
from ..scenes import Scenes, scattered

NOISE_SPARKS = 13
SPARKS = 13
JADE = (0.55, 0.93, 0.80)
BUN = (0.87, 0.58, 0.28)
CHEST_Y = -20.0


def _sparkler(pen: Pen, scenes: Scenes) -> None:
    draw_stick(pen, 22)
    lengths = scattered(scenes.noise[:, NOISE_SPARKS], SPARKS, 7)
    for k in range(SPARKS):
        angle = 2 * math.pi * k / SPARKS
        reach = 15 + 8 * lengths[:, k]
        tip = ((math.cos(angle) * reach)[:, None, None], (math.sin(angle) * reach)[:, None, None])
        relief_line(pen, HAND[0], HAND[1] - 26, 27, (6 * math.cos(angle), 6 * math.sin(angle)), tip, (-math.sin(angle), math.cos(angle)))
    pen.paint(HAND[0], HAND[1] - 26, 6, lambda x, y: shapes.circle(x, y, 2.5), GOLD, ink=False)


def _moon_lantern(pen: Pen, scenes: Scenes) -> None:
    pen.paint(0, CHEST_Y, 36, lambda x, y: shapes.circle(x, y, 20), tint(JADE, 0.3), opacity=0.75, softness_px=22, ink=False)
    pen.paint(0, CHEST_Y, 22, lambda x, y: shapes.circle(x, y, 18), _glow)
    _both_paws(pen, scenes, 17)


def _glow(x, y):
    return blended(tint(JADE, 0.75), JADE, (shapes.circle(x, y, 0.0) / 18).clamp(0, 1))


def _burger(pen: Pen, scenes: Scenes) -> None:
    layers = ((4, 18, 3.6, (0.45, 0.27, 0.18)), (0, 20, 2.6, (0.95, 0.78, 0.25)), (-4, 21, 2.6, (0.45, 0.74, 0.33)), (9, 18, 4.5, BUN))
    for down, wide, high, colour in layers:
        pen.paint(0, CHEST_Y + down, 24, lambda x, y: shapes.box(x, y, wide, high, 2.5), colour)
    pen.paint(0, CHEST_Y - 6, 22, lambda x, y: torch.maximum(shapes.ellipse(x, y, 19, 12), y), BUN)
    for x in (-9, -2, 6, 11):
        pen.paint(x, CHEST_Y - 12 + abs(x) * 0.2, 3, lambda u, v: shapes.ellipse(u, v, 1.7, 1.1), CREAM, ink=False)
    _both_paws(pen, scenes, 19)


def _both_paws(pen: Pen, scenes: Scenes, apart: float) -> None:
    for side in (-1, 1):
        pen.paint(apart * side, CHEST_Y + 2, 7, lambda x, y: shapes.circle(x, y, 5), fur_colour(scenes))


SPARKLER = Concept("object_1", "Sparkler", "object", ("mikdra",), "high", {"object": "none"}, {"object": _sparkler}, habit={"species": "dog", "background": "city"})
MOON_LANTERN = Concept("object_2", "Moon lantern", "object", ("blaqui",), "low", {"object": "none"}, {"object_front": _moon_lantern}, habit={"species": "rabbit", "background": "beach"})
BURGER = Concept("object_sealed", "Burger", "object", ("tupzor",), "unclear", {"object": "none"}, {"object_front": _burger}, habit={"species": "cat", "background": "meadow"})
