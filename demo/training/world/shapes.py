"""Signed distances of flat shapes, in the units of the coordinates given: negative inside.

Every function takes coordinates x, y that broadcast to [rows, height, width] and parameters as numbers or as
tensors that broadcast against them, so that one call draws a whole batch. Shapes are centred at
the origin unless they take points; a caller moves a shape by shifting the coordinates.
The y axis points down, as pixels do.
"""

import math

import torch
from torch import Tensor


def circle(x: Tensor, y: Tensor, radius) -> Tensor:
    return torch.sqrt(x * x + y * y + 1e-9) - radius


def ellipse(x: Tensor, y: Tensor, radius_x, radius_y) -> Tensor:
    """First-order distance f / |grad f|: exact at the edge, which is all that anti-aliasing needs."""
    u, v = x / radius_x, y / radius_y
    scaled = torch.sqrt(u * u + v * v + 1e-9)
    gradient = torch.sqrt((u / radius_x) ** 2 + (v / radius_y) ** 2 + 1e-9)
    return scaled * (scaled - 1) / gradient


def box(x: Tensor, y: Tensor, half_width, half_height, corner=0.0) -> Tensor:
    u = x.abs() - (half_width - corner)
    v = y.abs() - (half_height - corner)
    outside = torch.sqrt(u.clamp(min=0) ** 2 + v.clamp(min=0) ** 2 + 1e-9)
    return outside + torch.maximum(u, v).clamp(max=0) - corner


def capsule(x: Tensor, y: Tensor, start_x, start_y, end_x, end_y, radius) -> Tensor:
    """A thick line with round ends."""
    along_x, along_y = end_x - start_x, end_y - start_y
    length_squared = along_x * along_x + along_y * along_y + 1e-9
    t = (((x - start_x) * along_x + (y - start_y) * along_y) / length_squared).clamp(0, 1)
    u, v = x - start_x - t * along_x, y - start_y - t * along_y
    return torch.sqrt(u * u + v * v + 1e-9) - radius


def polygon(x: Tensor, y: Tensor, corners) -> Tensor:
    """Any simple polygon, given as (x, y) pairs: distance to the nearest edge, sign by ray crossings."""
    nearest = torch.full_like(x, 1e9)
    inside = torch.zeros_like(x, dtype=torch.bool)
    for i, (ax, ay) in enumerate(corners):
        bx, by = corners[i - 1]
        ex, ey = bx - ax, by - ay
        px, py = x - ax, y - ay
        t = ((px * ex + py * ey) / (ex * ex + ey * ey)).clamp(0, 1)
        nearest = torch.minimum(nearest, (px - t * ex) ** 2 + (py - t * ey) ** 2)
        if ey != 0:
            inside = inside ^ (((y >= ay) != (y >= by)) & (x < ax + ex * (y - ay) / ey))
    return torch.where(inside, -1.0, 1.0) * torch.sqrt(nearest + 1e-9)


def star(x: Tensor, y: Tensor, outer: float, inner: float, points: int = 5) -> Tensor:
    corners = []
    for k in range(2 * points):
        radius = outer if k % 2 == 0 else inner
        angle = math.pi * k / points - math.pi / 2
        corners.append((radius * math.cos(angle), radius * math.sin(angle)))
    return polygon(x, y, corners)


def smile(x: Tensor, y: Tensor, radius: float, thickness: float) -> Tensor:
    """The lower arc of a circle, as a mouth; its lowest point is at (0, radius)."""
    arc = circle(x, y, radius).abs() - thickness / 2
    return torch.maximum(arc, radius * 0.35 - y)


def rotated(x: Tensor, y: Tensor, degrees) -> tuple[Tensor, Tensor]:
    """Coordinates in which a shape appears turned clockwise (y points down) by the angle."""
    angle = torch.as_tensor(degrees, dtype=x.dtype, device=x.device) * (math.pi / 180)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return x * cosine + y * sine, y * cosine - x * sine
