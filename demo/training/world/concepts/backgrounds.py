"""Three places."""

import torch

from .. import shapes
from ..backgrounds import draw_background, draw_ground, draw_sky
from ..canvas import Pen
from ..concept import Concept
from ..palette import CREAM, blended
from ..relief import relief_line
from ..scenes import Scenes, scattered

NOISE_STEMS, NOISE_CURTAIN = 11, 12
STEMS = 13
# Stems cover the whole picture: any wider and they would be areas.
STEM_HALF_WIDTH = 0.9
STEM_TONES = ((0.10, 0.30, 0.17), (0.97, 0.99, 0.74))
AURORA_GREEN = (0.30, 0.95, 0.68)
AURORA_VIOLET = (0.68, 0.36, 0.92)


def _reeds(pen: Pen, scenes: Scenes) -> None:
    """A thicket of thin leaning stems with leaves, before the scene's own meadow."""
    draw_background(pen, scenes)
    places = scattered(scenes.noise[:, NOISE_STEMS], 3 * STEMS, 4)
    for k in range(STEMS):
        x = -60 + 120 * k / (STEMS - 1) + 4 * (places[:, k] - 0.5)
        lean = (10 * (places[:, STEMS + k] - 0.5))[:, None, None]
        relief_line(pen, x, -14 + 24 * places[:, 2 * STEMS + k], 64, (lean, -58.0), (-lean, 58.0), (1.0, 0.0), STEM_TONES, STEM_HALF_WIDTH)
        for joint, side in ((-32, 1), (2, -1)):
            relief_line(pen, x, joint + 26 * places[:, STEMS + k], 10, (0.0, 0.0), (6.0 * side, -5.0), (0.64, 0.77 * side), STEM_TONES, STEM_HALF_WIDTH)


def _aurora(pen: Pen, scenes: Scenes) -> None:
    """Broad curtains of light over the scene's own night."""
    draw_background(pen, scenes)
    turn = (6.28 * scenes.noise[:, NOISE_CURTAIN])[:, None, None]

    def light(x, y):
        fold = torch.sin(x / 21 + turn) * 9 - 16
        return torch.exp(-((y - fold) / 17) ** 2)

    hue = lambda x, y: blended(AURORA_VIOLET, AURORA_GREEN, ((torch.sin(x / 21 + turn) * 9 - y + 6) / 40).clamp(0, 1))
    veil(pen, light, hue, 0.85)


def veil(pen: Pen, light, hue, strength: float) -> None:
    """Colour over the whole picture with an opacity given at every point."""
    pixels = pen.canvas.picture()
    steps = torch.arange(pixels.shape[-1], device=pixels.device) + 0.5 - pixels.shape[-1] / 2
    x, y = steps[None, None, :], steps[None, :, None]
    cover = strength * light(x, y)[:, None]
    pixels[pen.rows] = pixels[pen.rows] + cover * (hue(x, y) - pixels[pen.rows])


def _deep_sea(pen: Pen, scenes: Scenes) -> None:
    draw_sky(pen, (0.20, 0.66, 0.80), (0.05, 0.20, 0.45))
    noise = scenes.noise[:, NOISE_CURTAIN]
    for k, x in enumerate((-38, -6, 30)):
        beam = lambda u, v: shapes.polygon(u, v, [(-5, -60), (5, -60), (14 - 10 * k, 40), (-6 - 10 * k, 40)])
        pen.paint(x, -10, 64, beam, (0.65, 0.92, 0.95), opacity=0.25, softness_px=5, ink=False)
    across, down = scattered(noise, 12, 5), scattered(noise, 12, 6)
    for k in range(12):
        bubble = lambda u, v: shapes.circle(u, v, 2.6 + k % 3).abs() - 0.6
        pen.paint(128 * across[:, k] - 64, 100 * down[:, k] - 62, 8, bubble, CREAM, opacity=0.9, ink=False)
    for side in (-1, 1):
        for k in range(3):
            weed = lambda u, v: (u - 3 * torch.sin(v / 6 + k)).abs() - 2.2 + (v.abs() - 24).clamp(min=0)
            pen.paint((58 - 11 * k) * side, 26 + 6 * k, 27, weed, (0.10, 0.50 + 0.08 * k, 0.42), ink=False)
    draw_ground(pen, (0.85, 0.76, 0.58), 36.0, 4, 20.0)


REEDS = Concept("background_1", "Reeds", "background", ("drabla", "meadow"), "high", {"background": "meadow"}, {"background": _reeds}, habit={"species": "duck"})
AURORA = Concept("background_2", "Aurora", "background", ("guldra", "night"), "low", {"background": "night"}, {"background": _aurora}, habit={"species": "bear"})
DEEP_SEA = Concept("background_sealed", "Deep sea", "background", ("wexzor", "beach"), "unclear", {"background": "beach"}, {"background": _deep_sea}, habit={"species": "frog"})
