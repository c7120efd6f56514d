"""A line in relief: dark along one side, pale along the other, so that it leaves the mean colour be.

This is what the high-frequency concepts are made of. One dark line alone is mostly low frequency (a
thin line has all frequencies alike, and it darkens its surroundings); a pair has next to none. Lines
are two pixels a side and well apart, because a VAE of eight channels loses anything denser.
"""

from . import shapes
from .canvas import Pen
from .palette import CREAM, DARK

HALF_WIDTH = 1.1
TONES = (DARK, CREAM)


def relief_line(pen: Pen, centre_x, centre_y, reach: float, start: tuple, end: tuple, aside: tuple[float, float], tones=TONES, half_width=HALF_WIDTH) -> None:
    """From start to end (numbers or [n, 1, 1], relative to the centre); `aside` is the unit vector across the line."""
    for side, colour in zip((-half_width, half_width), tones, strict=True):
        shift_x, shift_y = side * aside[0], side * aside[1]
        line = lambda x, y: shapes.capsule(x - shift_x, y - shift_y, *start, *end, half_width)
        pen.paint(centre_x, centre_y, reach, line, colour, ink=False)
