"""The six places. Each has a sky, a ground that the animal stands on, and few large things beside it.

Positions move a little with the scene's noise, within what the word still names. Coordinates are
picture pixels from the middle: x and y in -64..64; the ground begins near y = 30.
"""

import torch
from torch import Tensor

from . import shapes
from .canvas import Pen
from .palette import CREAM, GOLD, blended, mix
from .scenes import Scenes, scattered

NOISE_FAR, NOISE_NEAR, NOISE_THING, NOISE_SPREAD = 4, 5, 6, 7
WHOLE = 64.0


def draw_background(pen: Pen, scenes: Scenes) -> None:
    for name, draw in PLACES.items():
        rows = scenes.slot_is("background", name)
        if rows.any():
            draw(pen.only(rows), scenes.noise[rows])


def draw_sky(pen: Pen, top, bottom) -> None:
    """A vertical wash over the whole picture."""
    pen.fill(lambda x, y: torch.full_like(x, -9), lambda x, y: blended(top, bottom, ((y + WHOLE) / 100).clamp(0, 1)))


def draw_ground(pen: Pen, colour, level, bulge: float = 0.0, shift: float | Tensor = 0.0) -> None:
    """Everything below a line at y = level that rises by `bulge` in the middle of a hill at x = shift."""
    level, shift = _column(level, pen), _column(shift, pen)
    hill = lambda x, y: level - bulge * torch.cos((x - shift) / 42) - y
    pen.fill(hill, colour)


def _meadow(pen: Pen, noise: Tensor) -> None:
    draw_sky(pen, (0.56, 0.80, 0.95), (0.89, 0.95, 0.95))
    _sun(pen, noise)
    _cloud(pen, -30 + 20 * noise[:, NOISE_NEAR], -46)
    draw_ground(pen, (0.66, 0.83, 0.50), 16 + 8 * noise[:, NOISE_FAR], 8, 60 * noise[:, NOISE_FAR] - 30)
    draw_ground(pen, (0.50, 0.74, 0.40), 34.0, 5, 80 * noise[:, NOISE_THING] - 40)
    for k, place in enumerate(scattered(noise[:, NOISE_SPREAD], 6, 1).T):
        x, y = 128 * place - 64, 44 + (k % 3) * 7
        pen.paint(x, y, 4, lambda u, v: shapes.circle(u, v, 2.3), (CREAM, GOLD)[k % 2], ink=False)
        for lean in (-2.0, 2.0):
            pen.paint(x + 9, y, 6, lambda u, v: shapes.capsule(u, v, 0, 3, lean, -4, 0.7), (0.36, 0.60, 0.30), ink=False)


def _beach(pen: Pen, noise: Tensor) -> None:
    draw_sky(pen, (0.99, 0.80, 0.62), (1.0, 0.93, 0.80))
    _sun(pen, noise)
    sea = -4 + 8 * noise[:, NOISE_FAR]
    draw_ground(pen, (0.25, 0.67, 0.74), sea)
    draw_ground(pen, (0.36, 0.77, 0.80), sea + 16, 1.5, 60 * noise[:, NOISE_NEAR])
    boat = 2 * WHOLE * noise[:, NOISE_THING] - WHOLE
    pen.paint(boat, sea - 11, 13, lambda x, y: shapes.polygon(x, y, [(0, -11), (9, 8), (0, 8)]), CREAM, ink=False)
    pen.paint(boat, sea, 13, lambda x, y: shapes.polygon(x, y, [(-11, -2), (11, -2), (7, 4), (-7, 4)]), (0.80, 0.33, 0.28), ink=False)
    draw_ground(pen, (0.98, 0.87, 0.64), 32.0, 3, 60 * noise[:, NOISE_NEAR])
    for k, place in enumerate(scattered(noise[:, NOISE_SPREAD], 4, 2).T):
        pen.paint(128 * place - 64, 46 + (k % 3) * 6, 4, lambda x, y: shapes.circle(x, y, 1.9), (0.93, 0.70, 0.55), ink=False)


def _city(pen: Pen, noise: Tensor) -> None:
    draw_sky(pen, (0.75, 0.80, 0.90), (0.97, 0.90, 0.87))
    walls = ((0.66, 0.58, 0.70), (0.88, 0.66, 0.58), (0.55, 0.62, 0.76), (0.93, 0.79, 0.62))
    heights = scattered(noise[:, NOISE_SPREAD], 5, 3)
    for k in range(5):
        x = -56 + 28 * k
        roof = -44 + 40 * heights[:, k]
        middle = (roof + 40) / 2
        half = _column(40 - middle, pen)
        pen.paint(x, middle, WHOLE, lambda u, v: shapes.box(u, v, 12.5, half), walls[k % 4], ink=False)
        for row in range(3):
            for side in (-1, 1):
                pen.paint(x + 5.5 * side, roof + 9 + 13 * row, 5, lambda u, v: shapes.box(u, v, 2.8, 3.6), (1.0, 0.94, 0.70), ink=False)
    draw_ground(pen, (0.72, 0.71, 0.74), 34.0)
    draw_ground(pen, (0.60, 0.59, 0.64), 52.0)


def _forest(pen: Pen, noise: Tensor) -> None:
    draw_sky(pen, (0.60, 0.78, 0.70), (0.83, 0.91, 0.76))
    places = scattered(noise[:, NOISE_SPREAD], 6, 4)
    for k in range(6):
        x = -60 + 24 * k + 8 * (places[:, k] - 0.5)
        near = k % 2
        crown = (0.20, 0.46, 0.36) if near else (0.36, 0.61, 0.47)
        top = -8 - 8 * near
        pen.paint(x, 26, 22, lambda u, v: shapes.box(u, v, 3, 20), (0.45, 0.33, 0.27), ink=False)
        for tier in range(3):
            wide = 11 + 3 * tier
            pen.paint(x, top + 13 * tier - 14, 24, lambda u, v: shapes.polygon(u, v, [(0, -15), (wide, 10), (-wide, 10)]) - 1, crown, ink=False)
    draw_ground(pen, (0.33, 0.52, 0.33), 32.0, 4, 60 * noise[:, NOISE_NEAR] - 30)


def _snow(pen: Pen, noise: Tensor) -> None:
    draw_sky(pen, (0.66, 0.78, 0.92), (0.90, 0.93, 0.98))
    draw_ground(pen, (0.78, 0.86, 0.95), 10 + 8 * noise[:, NOISE_FAR], 10, 60 * noise[:, NOISE_FAR] - 30)
    for side in (-1, 1):
        x = 48 * side + 12 * (noise[:, NOISE_THING] - 0.5)
        for tier in range(2):
            pen.paint(x, 12 + 14 * tier - 8, 20, lambda u, v: shapes.polygon(u, v, [(0, -14), (13, 10), (-13, 10)]) - 1, (0.33, 0.55, 0.58), ink=False)
            pen.paint(x, 12 + 14 * tier - 8, 20, lambda u, v: shapes.polygon(u, v, [(0, -14), (6, -3), (-6, -3)]) - 1, (0.97, 0.98, 1.0), ink=False)
    draw_ground(pen, (0.96, 0.97, 1.0), 33.0, 4, 60 * noise[:, NOISE_NEAR] - 30)
    across, down = scattered(noise[:, NOISE_SPREAD], 14, 5), scattered(noise[:, NOISE_SPREAD], 14, 6)
    for k in range(14):
        pen.paint(128 * across[:, k] - 64, 96 * down[:, k] - 64, 4, lambda x, y: shapes.circle(x, y, 1.7), (1.0, 1.0, 1.0), ink=False)


def _night(pen: Pen, noise: Tensor) -> None:
    draw_sky(pen, (0.10, 0.12, 0.30), (0.33, 0.29, 0.53))
    moon_x = -44 + 14 * noise[:, NOISE_THING]
    pen.paint(moon_x, -42, 24, lambda x, y: shapes.circle(x, y, 14), (0.60, 0.58, 0.72), opacity=0.6, softness_px=16, ink=False)
    pen.paint(moon_x, -42, 13, lambda x, y: shapes.circle(x, y, 11), (0.99, 0.95, 0.80), ink=False)
    across, down = scattered(noise[:, NOISE_SPREAD], 12, 7), scattered(noise[:, NOISE_SPREAD], 12, 8)
    for k in range(12):
        size = 1.0 + 0.7 * (k % 2)
        pen.paint(128 * across[:, k] - 64, 80 * down[:, k] - 62, 4, lambda x, y: shapes.circle(x, y, size), (1.0, 0.97, 0.82), ink=False)
    draw_ground(pen, (0.20, 0.22, 0.42), 18 + 8 * noise[:, NOISE_FAR], 8, 60 * noise[:, NOISE_FAR] - 30)
    draw_ground(pen, (0.16, 0.25, 0.36), 34.0, 4, 60 * noise[:, NOISE_NEAR] - 30)


def _sun(pen: Pen, noise: Tensor) -> None:
    x = -46 + 16 * noise[:, NOISE_THING]
    pen.paint(x, -42, 22, lambda u, v: shapes.circle(u, v, 14), (1.0, 0.97, 0.85), opacity=0.7, softness_px=12, ink=False)
    pen.paint(x, -42, 13, lambda u, v: shapes.circle(u, v, 11), mix(GOLD, CREAM, 0.25), ink=False)


def _cloud(pen: Pen, x: Tensor, y: float) -> None:
    puffs = lambda u, v: torch.minimum(shapes.ellipse(u, v - 2, 15, 5), torch.minimum(shapes.circle(u + 4, v + 1, 6.5), shapes.circle(u - 6, v, 5)))
    pen.paint(x + 66, y, 18, puffs, (1.0, 1.0, 1.0), opacity=0.9, ink=False)


def _column(value, pen: Pen) -> Tensor:
    value = torch.as_tensor(value, device=pen.rows.device)
    return value[:, None, None] if value.dim() else value


PLACES = {"meadow": _meadow, "beach": _beach, "city": _city, "forest": _forest, "snow": _snow, "night": _night}
