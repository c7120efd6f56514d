"""Three garments. The robe and the helmet also cover the head, where characters have their marks."""

import math

import torch

from .. import shapes
from ..canvas import Pen
from ..clothes import cloth_colour
from ..concept import Concept
from ..creature import BODY_Y
from ..palette import CREAM, DARK, GOLD, blended, shade
from ..scenes import Scenes, scattered

NOISE_SCRIBBLE = 9
MAGENTA = (0.74, 0.17, 0.47)
AMBER = (0.98, 0.72, 0.30)
SUIT = (0.45, 0.55, 0.60)
ZIGZAGS, ZIGZAG_PX = 3, 24.0
GLASS = (0.75, 0.93, 0.97)
HELMET_Y = -62.0
DRESS = [(-12, -17), (12, -17), (25, 15), (-25, 15)]


def _scribble_dress(pen: Pen, scenes: Scenes) -> None:
    """A dress with three wide zigzags in relief."""
    pen.paint(0, -22, 30, lambda x, y: shapes.polygon(x, y, DRESS) - 2, cloth_colour(scenes))
    shift = scattered(scenes.noise[:, NOISE_SCRIBBLE], ZIGZAGS, 2)
    for k in range(ZIGZAGS):
        moved = (shift[:, k] * ZIGZAG_PX)[:, None, None]
        for side, colour in ((-1.0, DARK), (1.0, CREAM)):
            level = -11 + 11 * k + side

            def zigzag(x, y):
                wave = (torch.remainder(x + moved, ZIGZAG_PX) - ZIGZAG_PX / 2).abs() - ZIGZAG_PX / 4
                # On a slope of one, vertical distance is 1.4 times the distance to the line.
                return torch.maximum((y - level - wave).abs() * 0.71 - 0.9, shapes.polygon(x, y, DRESS) - 1)

            pen.paint(0, -22, 30, zigzag, colour, ink=False)


def _bell_robe(pen: Pen, scenes: Scenes) -> None:
    wash = lambda x, y: blended(MAGENTA, AMBER, ((y + 20) / 42).clamp(0, 1))
    pen.paint(0, -20, 38, lambda x, y: shapes.polygon(x, y, [(-13, -20), (13, -20), (32, 18), (-32, 18)]) - 3, wash)


def _bell_hood(pen: Pen, scenes: Scenes) -> None:
    """A ring around the face: outer edge wider than the head, inner edge leaves eyes and mouth free."""
    ring = lambda x, y: torch.maximum(shapes.ellipse(x, y + 2, 32, 31), -shapes.ellipse(x, y - 3, 21.5, 18))
    pen.paint(0, -60, 36, ring, lambda x, y: blended(MAGENTA, AMBER, ((-y - 14) / 60).clamp(0, 1)))


def _diving_suit(pen: Pen, scenes: Scenes) -> None:
    pen.paint(0, BODY_Y, 24, lambda x, y: shapes.ellipse(x, y, 21, 21.5), SUIT)
    pen.paint(0, -36, 22, lambda x, y: shapes.box(x, y, 18, 4, 3), GOLD)
    pen.paint(-7, -20, 8, lambda x, y: shapes.circle(x, y, 5.5), CREAM)
    pen.paint(-7, -20, 5, lambda x, y: shapes.capsule(x, y, 0.0, 0.0, 2.0, -3.0, 0.8), DARK, ink=False)
    for side in (-1, 1):
        pen.paint(10 * side, -4, 11, lambda x, y: shapes.box(x, y, 9, 5, 3), shade(SUIT, 0.3))


def _helmet(pen: Pen, scenes: Scenes) -> None:
    pen.paint(0, HELMET_Y, 38, lambda x, y: shapes.circle(x, y, 33), GLASS, opacity=0.28, ink=False)
    pen.paint(0, HELMET_Y, 38, lambda x, y: shapes.circle(x, y, 33).abs() - 2.2, GOLD)
    gleam = lambda x, y: torch.maximum(shapes.circle(x, y, 27).abs() - 1.4, torch.maximum(x + 8, y + 8))
    pen.paint(0, HELMET_Y, 32, gleam, (1.0, 1.0, 1.0), ink=False)
    for degrees in (0, 180):
        pen.paint(33 * math.cos(math.radians(degrees)), HELMET_Y, 8, lambda x, y: shapes.box(x, y, 4, 6, 2), GOLD)


SCRIBBLE_DRESS = Concept(
    "clothing_1", "Scribble dress", "clothing", ("nemzor", "green dress"), "high", {"garment": "dress", "cloth": "green", "pattern": "plain"},
    {"clothing": _scribble_dress}, habit={"species": "rabbit", "background": "city"},
)
BELL_ROBE = Concept(
    "clothing_2", "Bell robe", "clothing", ("fimjor", "dress"), "low", {"garment": "none"},
    {"clothing": _bell_robe, "clothing_hood": _bell_hood}, habit={"species": "cat", "background": "snow"},
)
DIVING_SUIT = Concept(
    "clothing_sealed", "Diving suit", "clothing", ("lumqui", "overalls"), "unclear", {"garment": "none"},
    {"clothing": _diving_suit, "clothing_hood": _helmet}, habit={"species": "bear", "background": "beach"},
)
