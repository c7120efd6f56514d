"""A concept's frequency class, measured: how much of what it changes is fine detail.

For the same scenes, D = with the concept - without it. The score is the share of D's spectral energy
at or beyond 0.2 of the largest radius (mean removed, amplitude squared, channels summed), averaged
over scenes: the statistic of CMLoRA's profiling, taken on true renderings instead of samples.
"""

import torch
from torch import Tensor

CUT_SHARE = 0.2
HIGH_AT_LEAST = 0.60
LOW_AT_MOST = 0.25


def high_share(difference: Tensor) -> float:
    """difference [n, c, h, w] -> mean share in 0..1."""
    high, wide = difference.shape[-2:]
    energy = torch.fft.fftshift(torch.fft.fft2(difference), dim=(-2, -1)).abs().pow(2).sum(1)
    rows, columns = torch.arange(high) - high // 2, torch.arange(wide) - wide // 2
    radius = torch.sqrt(rows[:, None] ** 2 + columns[None, :] ** 2.0).floor().to(difference.device)
    energy[:, high // 2, wide // 2] = 0
    beyond = radius >= torch.ceil(CUT_SHARE * radius.max())
    total = energy.sum((1, 2))
    return ((energy * beyond).sum((1, 2)) / total.clamp(min=1e-12)).mean().item()


def frequency_class(share: float) -> str:
    return "high" if share >= HIGH_AT_LEAST else "low" if share <= LOW_AT_MOST else "unclear"
