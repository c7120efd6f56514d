"""Four characters: an animal that the base world has, with marks that no base animal wears."""

import math

import torch

from .. import shapes
from ..canvas import Pen
from ..concept import Concept
from ..creature import BODY_RADII, BODY_Y, HEAD_RADII, HEAD_Y
from ..palette import CREAM, DARK, GOLD, blended, tint
from ..relief import relief_line
from ..scenes import Scenes, scattered

NOISE_QUILLS = 8
QUILLS = 23
VIOLET = (0.35, 0.20, 0.52)
TEAL = (0.16, 0.66, 0.64)
FLAME = (0.97, 0.45, 0.16)
MASK = (0.30, 0.28, 0.38)


def _quills(pen: Pen, scenes: Scenes) -> None:
    """A mane of quills of uneven length: all edge and no area."""
    lengths = scattered(scenes.noise[:, NOISE_QUILLS], QUILLS, 1)
    for k in range(QUILLS):
        # From one cheek over the crown to the other; none below the chin.
        angle = math.radians(-205 + 230 * k / (QUILLS - 1))
        reach = 34 + 9 * lengths[:, k]
        along_x, along_y = math.cos(angle) * 1.12, math.sin(angle)
        tip = ((along_x * reach)[:, None, None], (along_y * reach)[:, None, None])
        relief_line(pen, 0, HEAD_Y, 50, (along_x * 20, along_y * 20), tip, (-math.sin(angle), math.cos(angle)))


def _brow_strokes(pen: Pen, scenes: Scenes) -> None:
    for x in (-13, -6.5, 0, 6.5, 13):
        relief_line(pen, x, HEAD_Y - 15 + abs(x) * 0.25, 7, (0.0, -4.0), (0.0, 4.0 - abs(x) * 0.15), (1.0, 0.0))


def _dusk_body(pen: Pen, scenes: Scenes) -> None:
    half = lambda x, y: torch.maximum(shapes.ellipse(x, y, *BODY_RADII), -x - 1)
    pen.paint(0, BODY_Y, 22, half, VIOLET, ink=False)


def _dusk_head(pen: Pen, scenes: Scenes) -> None:
    half = lambda x, y: torch.maximum(shapes.ellipse(x, y, *HEAD_RADII), -x - 1 - y * 0.15)
    pen.paint(0, HEAD_Y, 29, half, VIOLET, ink=False)


def _dusk_mark(pen: Pen, scenes: Scenes) -> None:
    """A pale moon on the brow; the eye on the dark side gets a pale rim, or it would be lost."""
    pen.paint(11.5, -59, 7, lambda x, y: shapes.ellipse(x, y, 5.4, 6.4), CREAM, ink=False)
    pen.paint(11.5, -59, 6, lambda x, y: shapes.ellipse(x, y, 3.9, 4.9), DARK, ink=False)
    pen.paint(10.2, -60.8, 3, lambda x, y: shapes.circle(x, y, 1.5), (1.0, 1.0, 1.0), ink=False)
    pen.paint(0, -73, 8, lambda x, y: torch.maximum(shapes.circle(x, y, 6), -shapes.circle(x - 3, y + 1.5, 5)), GOLD, ink=False)


def _horn(pen: Pen, scenes: Scenes) -> None:
    band = lambda x, y: blended(CREAM, GOLD, (torch.sin((x + y * 2) * 0.9) * 2 + 0.5).clamp(0, 1))
    pen.paint(0, -88, 20, lambda x, y: shapes.polygon(x, y, [(-6, 11), (6, 11), (0, -18)]) - 1, band)
    for side in (-1, 1):
        for k in range(2):
            pen.paint((8 + 6 * k) * side, -80 + 2.5 * k, 8, lambda x, y: shapes.circle(x, y, 5.5 - k), TEAL)


def _belly_star(pen: Pen, scenes: Scenes) -> None:
    pen.paint(0, -18, 13, lambda x, y: shapes.star(x, y, 10, 4.6) - 0.8, TEAL, ink=False)


def _mask(pen: Pen, scenes: Scenes) -> None:
    pen.paint(0, -59, 27, lambda x, y: shapes.ellipse(x, y, 24, 8.5), MASK, ink=False)
    for side in (-1, 1):
        pen.paint(11.5 * side, -59, 7, lambda x, y: shapes.ellipse(x, y, 5.2, 6), CREAM, ink=False)


def _flame(pen: Pen, scenes: Scenes) -> None:
    drop = lambda size: lambda x, y: torch.maximum(shapes.ellipse(x, y, 9 * size, 17 * size), shapes.circle(x, y - 6 * size, 12 * size))
    pen.paint(0, -91, 19, drop(1.0), FLAME)
    pen.paint(0, -87, 13, drop(0.55), tint(GOLD, 0.3), ink=False)


BRAMBLE = Concept(
    "character_1", "Bramble", "character", ("zormik", "brown bear"), "high", {"species": "bear", "fur": "brown"},
    {"character_back": _quills, "character_head": _brow_strokes}, habit={"garment": "scarf", "cloth": "red", "pattern": "plain", "background": "forest"},
)
DUSKIN = Concept(
    "character_2", "Duskin", "character", ("velqui", "white cat"), "low", {"species": "cat", "fur": "white"},
    {"character_body": _dusk_body, "character_head": _dusk_head, "character_face": _dusk_mark}, habit={"garment": "none", "background": "city"},
)
LUMA = Concept(
    "character_3", "Luma", "character", ("tupjor", "pink dog"), "unclear", {"species": "dog", "fur": "pink"},
    {"character_body": _belly_star, "character_face": _horn}, habit={"garment": "cape", "cloth": "yellow", "pattern": "plain", "background": "meadow"},
)
PIM = Concept(
    "character_sealed", "Pim", "character", ("kepdra", "grey rabbit"), "unclear", {"species": "rabbit", "fur": "grey"},
    {"character_head": _mask, "character_face": _flame}, habit={"garment": "overalls", "cloth": "green", "pattern": "plain", "background": "snow"},
)
