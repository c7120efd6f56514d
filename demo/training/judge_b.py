"""Judge B: a convolutional network that reads a picture's true slots and which concepts are in it.

Reports use B and nothing is ever tuned on it. It shares neither architecture nor seeds with judge A
(a small CLIP) nor with any generator.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from world.concepts import CONCEPTS
from world.scenes import SLOTS

WIDTHS = (24, 48, 96, 128)
# Chosen on true renderings, where a present concept scores near 1 and an absent one near 0.
PRESENT_AT = 0.5


class JudgeB(nn.Module):
    """Pictures [n, 3, 128, 128] in 0..1 -> concept logits [n, concepts], slot logits {slot: [n, values]}."""

    def __init__(self) -> None:
        super().__init__()
        layers, width = [], 3
        for k, wider in enumerate(WIDTHS):
            layers += [
                nn.Conv2d(width, wider, 5 if k == 0 else 3, stride=2, padding=2 if k == 0 else 1), nn.BatchNorm2d(wider), nn.ReLU(),
                nn.Conv2d(wider, wider, 3, padding=1, groups=wider // 8), nn.BatchNorm2d(wider), nn.ReLU(),
            ]
            width = wider
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(width * 16, 192), nn.ReLU(), nn.Dropout(0.1))
        self.concepts = nn.Linear(192, len(CONCEPTS))
        self.slots = nn.ModuleDict({slot: nn.Linear(192, len(values)) for slot, values in SLOTS.items()})

    def forward(self, pictures: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        features = self.features(pictures * 2 - 1)
        return self.concepts(features), {slot: head(features) for slot, head in self.slots.items()}

    @torch.no_grad()
    def concepts_found(self, pictures: Tensor) -> Tensor:
        """Bool [n, concepts]."""
        return torch.cat([self(part)[0].sigmoid() >= PRESENT_AT for part in pictures.split(64)])

    @torch.no_grad()
    def slot_scores(self, pictures: Tensor) -> dict[str, Tensor]:
        """Log probabilities [n, values] of every slot."""
        parts = [self(part)[1] for part in pictures.split(64)]
        return {slot: torch.cat([part[slot] for part in parts]).log_softmax(1) for slot in SLOTS}


def save_judge(judge: JudgeB, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in judge.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({
        "widths": WIDTHS, "present_at": PRESENT_AT, "concepts": list(CONCEPTS), "slots": {slot: list(values) for slot, values in SLOTS.items()},
    }, indent=2) + "\n")


def load_judge(folder: Path) -> JudgeB:
    judge = JudgeB()
    judge.load_state_dict({name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in load_file(folder / "model.safetensors").items()})
    return judge.eval()
