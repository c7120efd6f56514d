"""A convolutional network that reads a picture: which concepts are in it, and the value of every slot.

Two of them are trained (`train_reader.py`), on different seeds and of different shape:

- *judge B*, which reports use and on which nothing is ever tuned;
- the *classifier*, which tells when a LoRA's training may stop, and by which settings are chosen.

Relief lines are two pixels wide and leave the mean be, so the stem reads whole pixels: the picture
must not be made smaller first.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from world.concepts import CONCEPTS
from world.scenes import SLOTS


@dataclass(frozen=True)
class Shape:
    stem_px: int  # side of the first kernel; its stride is 4
    widths: tuple[int, ...]  # channels at 32x32, 16x16, ...
    features: int
    norm: type[nn.Module]


SHAPES = {
    "judge_b": Shape(6, (48, 96, 160), 192, nn.BatchNorm2d),
    "classifier": Shape(8, (40, 80, 120, 160), 160, nn.InstanceNorm2d),
}


class Reader(nn.Module):
    """Pictures [n, 3, 128, 128] in 0..1 -> concept logits [n, concepts], slot logits {slot: [n, values]}."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        first = shape.widths[0]
        self.stem = nn.Conv2d(3, first, shape.stem_px, stride=4, padding=(shape.stem_px - 4) // 2)
        layers, width = [_norm(shape, first), nn.ReLU()], first
        for k, wider in enumerate(shape.widths):
            layers += [nn.Conv2d(width, wider, 3, stride=1 if k == 0 else 2, padding=1), _norm(shape, wider), nn.ReLU()]
            layers += [nn.Conv2d(wider, wider, 3, padding=1), _norm(shape, wider), nn.ReLU()]
            width = wider
        side = 32 >> (len(shape.widths) - 1)
        self.body = nn.Sequential(*layers, nn.AvgPool2d(side // 4), nn.Flatten(), nn.Linear(width * 16, shape.features), nn.ReLU(), nn.Dropout(0.1))
        self.concepts = nn.Linear(shape.features, len(CONCEPTS))
        self.slots = nn.ModuleDict({slot: nn.Linear(shape.features, len(values)) for slot, values in SLOTS.items()})

    def forward(self, pictures: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        features = self.body(self.stem(pictures * 2 - 1))
        return self.concepts(features), {slot: head(features) for slot, head in self.slots.items()}


def _norm(shape: Shape, width: int) -> nn.Module:
    return shape.norm(width, affine=True)


class Reading:
    """What a reader says of pictures: `presence` [n, concepts] in 0..1, `slots` {slot: log probabilities [n, values]},
    and the thresholds from which on a concept counts as found."""

    def __init__(self, concept_logits: Tensor, slot_logits: dict[str, Tensor], thresholds: Tensor):
        self.presence = concept_logits.float().sigmoid()
        self.slots = {slot: logits.float().log_softmax(1) for slot, logits in slot_logits.items()}
        self.found = self.presence >= thresholds


@torch.no_grad()
def read(network: Reader, pictures: Tensor, thresholds: Tensor, batch: int = 64) -> Reading:
    """pictures in 0..1, or bytes."""
    parts = []
    for part in pictures.split(batch):
        parts.append(network(part.float() / 255 if part.dtype == torch.uint8 else part))
    slots = {slot: torch.cat([slot_logits[slot] for _, slot_logits in parts]) for slot in SLOTS}
    return Reading(torch.cat([logits for logits, _ in parts]), slots, thresholds)
