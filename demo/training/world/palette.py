"""The colours of the world, as sRGB in 0..1. A muted, warm set, so that flat areas look designed."""

import torch
from torch import Tensor

FUR = {
    "white": (0.97, 0.95, 0.91),
    "grey": (0.62, 0.64, 0.69),
    "brown": (0.58, 0.39, 0.27),
    "orange": (0.95, 0.58, 0.23),
    "yellow": (0.98, 0.83, 0.36),
    "green": (0.49, 0.74, 0.42),
    "blue": (0.42, 0.64, 0.88),
    "pink": (0.97, 0.66, 0.73),
}
CLOTH = {
    "red": (0.86, 0.25, 0.26),
    "yellow": (0.97, 0.76, 0.20),
    "green": (0.22, 0.56, 0.37),
    "blue": (0.19, 0.37, 0.73),
    "purple": (0.52, 0.31, 0.68),
    "white": (0.98, 0.97, 0.95),
}
DARK = (0.17, 0.13, 0.22)
CREAM = (0.99, 0.96, 0.88)
BLUSH = (0.96, 0.50, 0.52)
GOLD = (0.96, 0.74, 0.22)
LEAF = (0.36, 0.68, 0.34)
CORAL = (0.93, 0.36, 0.36)


def table(colours: dict[str, tuple], index: Tensor) -> Tensor:
    """Colours by slot value: index [n] -> [n, 3]."""
    return torch.tensor(list(colours.values()), device=index.device)[index]


def mix(a, b, share: float) -> Tensor:
    """share of b in a; either may be [n, 3] or one colour."""
    a, b = torch.as_tensor(a), torch.as_tensor(b)
    b = b.to(a.device)
    return a * (1 - share) + b * share


def shade(colour, share: float = 0.15) -> Tensor:
    return mix(colour, (0.25, 0.13, 0.35), share)


def tint(colour, share: float = 0.4) -> Tensor:
    return mix(colour, (1.0, 0.99, 0.95), share)


def blended(a, b, share: Tensor) -> Tensor:
    """Colour at every point: share [n, h, w] of b in a, each one colour or [n, 3] -> [n, 3, h, w]."""
    a = torch.as_tensor(a, device=share.device)[..., None, None]
    b = torch.as_tensor(b, device=share.device)[..., None, None]
    return a + share[:, None] * (b - a)
