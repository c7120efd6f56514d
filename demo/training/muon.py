"""Muon (Keller Jordan, 2024) for weight matrices and convolutions, AdamW for all else.

On a CPU steps are dear and an update is cheap, so an optimiser that needs fewer steps is worth its
Newton-Schulz iterations. Updates are scaled to AdamW's usual size (Moonshot, arXiv 2502.16982), so
one learning rate serves both.
"""

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5
ADAM_RMS = 0.2


class Muon(torch.optim.Optimizer):
    def __init__(self, parameters, lr: float, momentum: float = 0.95, weight_decay: float = 0.0):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
                direction = weight.grad.lerp(state["momentum"], group["momentum"])
                update = orthogonal(direction.flatten(1)).view_as(weight)
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(update, alpha=-group["lr"] * ADAM_RMS * max(weight.flatten(1).shape) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest (semi-)orthogonal matrix, roughly: singular values end between 0.7 and 1.2.

    In bfloat16, whose products are several times as fast here; the iteration corrects its own rounding.
    """
    a, b, c = NEWTON_SCHULZ
    x = (matrix.T if matrix.shape[0] > matrix.shape[1] else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.T if matrix.shape[0] > matrix.shape[1] else x).to(matrix.dtype)


class Optimizers:
    """Both optimisers as one: matrices inside the network to Muon; embeddings, norms, biases and
    the layers at its two ends (named by `ends`) to AdamW."""

    def __init__(self, networks: list[nn.Module], lr: float, ends: tuple[str, ...]):
        inner, outer = [], []
        for network in networks:
            for name, weight in network.named_parameters():
                is_end = any(name.startswith(end) for end in ends) or "embedding.weight" in name
                (outer if is_end or weight.dim() < 2 else inner).append(weight)
        self.parts = [Muon(inner, lr), torch.optim.AdamW(outer, lr, betas=(0.9, 0.98), weight_decay=0.0)]
        self.weights = inner + outer

    def step(self, lr: float) -> None:
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = lr
            part.step()
            part.zero_grad()

    def state_dict(self) -> list[dict]:
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict]) -> None:
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)
