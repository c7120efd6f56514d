"""What the animal wears on its head: each crest has colours of its own, so its word alone tells all."""

from . import shapes
from .canvas import Pen
from .palette import CORAL, GOLD, LEAF, shade, tint
from .scenes import Scenes

FROG_BROW = 10.0
PETAL = (0.99, 0.94, 0.97)


def draw_crest(pen: Pen, scenes: Scenes) -> None:
    # A frog's eyes are where others have a brow: its crest sits higher.
    pen = pen.shifted(-FROG_BROW * scenes.slot_is("species", "frog"))
    crest = lambda name: pen.only(scenes.slot_is("crest", name))
    _flower(crest("flower"))
    _bow(crest("bow"))
    _sprout(crest("sprout"))
    _crown(crest("crown"))


def _flower(pen: Pen) -> None:
    for degrees in range(0, 360, 72):
        petal = lambda x, y: shapes.ellipse(*_moved(shapes.rotated(x, y, degrees), 0, 5.5), 3.9, 4.6)
        pen.paint(-16, -78, 12, petal, PETAL)
    pen.paint(-16, -78, 5, lambda x, y: shapes.circle(x, y, 3.6), GOLD, ink=False)


def _bow(pen: Pen) -> None:
    for side in (-1, 1):
        pen.paint(8 * side, -83, 10, lambda x, y: shapes.polygon(x, y, [(-6 * side, 0), (6 * side, -6), (6 * side, 6)]) - 2, CORAL)
    pen.paint(0, -83, 5, lambda x, y: shapes.circle(x, y, 3.8), shade(CORAL, 0.25))


def _sprout(pen: Pen) -> None:
    pen.paint(0, -84, 8, lambda x, y: shapes.capsule(x, y, 0, 5, 0, -4, 1.5), shade(LEAF, 0.2))
    for side in (-1, 1):
        pen.paint(7 * side, -91, 10, lambda x, y: shapes.ellipse(*shapes.rotated(x, y, -28.0 * side), 7.5, 4.2), tint(LEAF, 0.1))


def _crown(pen: Pen) -> None:
    corners = [(-13, 7), (-15, -8), (-7, -1), (0, -11), (7, -1), (15, -8), (13, 7)]
    pen.paint(0, -84, 18, lambda x, y: shapes.polygon(x, y, corners) - 0.8, GOLD)
    pen.paint(0, -81, 4, lambda x, y: shapes.circle(x, y, 2.6), CORAL, ink=False)


def _moved(point, by_x: float, by_y: float):
    return point[0] - by_x, point[1] + by_y
