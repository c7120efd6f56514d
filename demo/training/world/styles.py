"""Base styles that work on the finished picture. (The outline style is drawn with the shapes.)"""

import torch
from torch import Tensor

CHALK = (1.0, 0.95, 0.94)


def apply_pastel(pictures: Tensor, rows: Tensor) -> Tensor:
    """Lighter and milder, towards warm white. pictures [n, 3, h, w]; rows bool [n]."""
    grey = pictures.mean(1, keepdim=True)
    mild = torch.lerp(pictures, grey, 0.25)
    chalk = pictures.new_tensor(CHALK)[:, None, None]
    return torch.where(rows[:, None, None, None], torch.lerp(mild, chalk.expand_as(mild), 0.45), pictures)
