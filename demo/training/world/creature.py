"""The animal, in three layers that clothes are drawn between: back (tail, ears), body, head.

Local units are pixels at scale 1; the origin is the ground between its feet, y points down, and the
animal looks at us. Its raised hand, on the +x side, holds the object.

        ( ears )        y -90
       (  head  )       y -58   radius 27 x 23
        ( body )_o hand y -22   radius 20 x 21
         u    u         y   0
"""

import torch
from torch import Tensor

from . import shapes
from .canvas import Pen
from .palette import BLUSH, CREAM, DARK, FUR, shade, table, tint
from .scenes import Scenes

HEAD_Y = -58.0
HEAD_RADII = (27.0, 23.0)
BODY_Y = -22.0
BODY_RADII = (19.0, 20.0)
HAND = (31.0, -41.0)
BEAK = (0.97, 0.62, 0.18)
INNER_EAR = (0.97, 0.70, 0.70)


def draw_back(pen: Pen, scenes: Scenes, fur: Tensor) -> None:
    """Tail and ears, all that the head and body overlap."""
    _tail(pen, scenes, fur)
    _ears(pen, scenes, fur)


def draw_body(pen: Pen, scenes: Scenes, fur: Tensor) -> None:
    for side in (-1, 1):
        pen.paint(10 * side, -3, 10, lambda x, y: shapes.ellipse(x, y, 9, 5.5), shade(fur))
    _arms(pen, scenes, fur)
    pen.paint(0, BODY_Y, 22, lambda x, y: shapes.ellipse(x, y, *BODY_RADII), fur)
    pen.paint(0, -18, 15, lambda x, y: shapes.ellipse(x, y, 11.5, 13), tint(fur, 0.55), ink=False)


def draw_head(pen: Pen, scenes: Scenes, fur: Tensor) -> None:
    pen.paint(0, HEAD_Y, 29, lambda x, y: shapes.ellipse(x, y, *HEAD_RADII), fur)
    # A crescent of shade under the cheek gives the flat head some weight.
    crescent = lambda x, y: torch.maximum(shapes.ellipse(x, y, *HEAD_RADII) + 0.6, -shapes.ellipse(x + 3, y + 5, 27, 23))
    pen.paint(0, HEAD_Y, 29, crescent, shade(fur, 0.13), ink=False)


def draw_face(pen: Pen, scenes: Scenes, fur: Tensor) -> None:
    species = lambda name: scenes.slot_is("species", name)
    frog = species("frog")
    _eyes(pen.only(~frog), 11.5, -59)
    _eyes(pen.only(frog), 13.5, -78)
    for side in (-1, 1):
        pen.paint(18.5 * side, -50, 6, lambda x, y: shapes.ellipse(x, y, 4.6, 3.2), BLUSH, opacity=0.55, ink=False)
    snouted = species("dog") | species("bear")
    snout = pen.only(snouted)
    snout.paint(0, -49, 13, lambda x, y: shapes.ellipse(x, y, 11, 8), tint(fur[snouted], 0.65), ink=False)
    snout.paint(0, -52.5, 6, lambda x, y: shapes.ellipse(x, y, 4.2, 3), DARK, ink=False)
    _mouth(snout, 3.2, -49.5)
    small = pen.only(species("cat") | species("rabbit"))
    small.paint(0, -52.5, 4, lambda x, y: shapes.ellipse(x, y, 2.6, 2.0), (0.90, 0.40, 0.47), ink=False)
    _mouth(small, 2.8, -51.5)
    _whiskers(pen.only(species("cat")))
    pen.only(frog).paint(0, -58, 14, lambda x, y: shapes.smile(x, y, 11, 2.0), DARK, ink=False)
    duck = pen.only(species("duck"))
    duck.paint(0, -50.5, 13, lambda x, y: shapes.ellipse(x, y, 11, 5.8), BEAK)
    duck.paint(0, -50.5, 13, lambda x, y: shapes.box(x, y, 9, 0.55), shade(BEAK, 0.5), ink=False)


def fur_colour(scenes: Scenes) -> Tensor:
    return table(FUR, scenes.slots["fur"])


def _eyes(pen: Pen, apart: float, height: float) -> None:
    for side in (-1, 1):
        pen.paint(apart * side, height, 6, lambda x, y: shapes.ellipse(x, y, 3.9, 4.9), DARK, ink=False)
        # The glint is on the same side of both eyes, where the light is.
        pen.paint(apart * side - 1.3, height - 1.8, 3, lambda x, y: shapes.circle(x, y, 1.5), (1.0, 1.0, 1.0), ink=False)


def _mouth(pen: Pen, radius: float, height: float) -> None:
    for side in (-1, 1):
        pen.paint(radius * 0.95 * side, height, 6, lambda x, y: shapes.smile(x, y, radius, 1.3), DARK, ink=False)


def _whiskers(pen: Pen) -> None:
    for side in (-1, 1):
        for rise in (-1.5, 1.5):
            pen.paint(24 * side, -51 + rise, 7, lambda x, y: shapes.capsule(x, y, -5.0 * side, 0.0, 5.0 * side, rise, 0.5), DARK, opacity=0.7, ink=False)


def _arms(pen: Pen, scenes: Scenes, fur: Tensor) -> None:
    pen.paint(-21, -23, 15, lambda x, y: shapes.capsule(x, y, 5.0, -9.0, -2.0, 5.0, 5.5), shade(fur, 0.06))
    pen.paint(25, -35, 15, lambda x, y: shapes.capsule(x, y, -9.0, 4.0, 5.0, -5.0, 5.5), shade(fur, 0.06))


def _tail(pen: Pen, scenes: Scenes, fur: Tensor) -> None:
    species = lambda name: scenes.slot_is("species", name)
    part = lambda rows: (pen.only(rows), fur[rows])
    cat, colour = part(species("cat"))
    cat.paint(-23, -20, 20, lambda x, y: torch.minimum(shapes.capsule(x, y, 12, 10, -6, 6, 4), shapes.capsule(x, y, -6, 6, -9, -13, 4)), shade(colour, 0.1))
    dog, colour = part(species("dog"))
    dog.paint(-22, -20, 16, lambda x, y: shapes.capsule(x, y, 8.0, 8.0, -6.0, -7.0, 4.5), shade(colour, 0.1))
    rabbit, colour = part(species("rabbit"))
    rabbit.paint(-20, -12, 9, lambda x, y: shapes.circle(x, y, 7.5), tint(colour, 0.6))
    duck, colour = part(species("duck"))
    duck.paint(-20, -14, 13, lambda x, y: shapes.polygon(x, y, [(8, -6), (8, 8), (-9, -7)]) - 2, shade(colour, 0.1))


def _ears(pen: Pen, scenes: Scenes, fur: Tensor) -> None:
    species = lambda name: scenes.slot_is("species", name)
    for side in (-1, 1):
        cat = species("cat")
        pointed = lambda size: lambda x, y: shapes.polygon(x, y, [(-9 * size, 9 * size), (9 * size, 9 * size), (4 * size * side, -11 * size)]) - 1.5
        pen.only(cat).paint(16 * side, -78, 16, pointed(1.0), fur[cat])
        pen.only(cat).paint(16 * side, -76.5, 14, pointed(0.55), INNER_EAR, ink=False)
        bear = species("bear")
        pen.only(bear).paint(20 * side, -76, 11, lambda x, y: shapes.circle(x, y, 9), fur[bear])
        pen.only(bear).paint(20 * side, -76, 8, lambda x, y: shapes.circle(x, y, 5), tint(fur[bear], 0.55), ink=False)
        rabbit = species("rabbit")
        tall = lambda wide, high: lambda x, y: shapes.ellipse(*shapes.rotated(x, y, 8.0 * side), wide, high)
        pen.only(rabbit).paint(11.5 * side, -88, 22, tall(7, 20), fur[rabbit])
        pen.only(rabbit).paint(11.5 * side, -87, 18, tall(3.6, 15), INNER_EAR, ink=False)
        dog = species("dog")
        hanging = lambda x, y: shapes.ellipse(*shapes.rotated(x, y, -14.0 * side), 8, 16)
        pen.only(dog).paint(25 * side, -60, 19, hanging, shade(fur[dog], 0.35))
        frog = species("frog")
        pen.only(frog).paint(13.5 * side, -78, 12, lambda x, y: shapes.circle(x, y, 9.5), fur[frog])
        pen.only(frog).paint(13.5 * side, -78, 9, lambda x, y: shapes.circle(x, y, 6.8), CREAM, ink=False)
    duck = species("duck")
    for lean in (-5.0, 0.0, 5.0):
        pen.only(duck).paint(lean, -82, 10, lambda x, y: shapes.capsule(x, y, -lean * 0.6, 6.0, lean * 0.5, -4.0, 2.2), fur[duck])
