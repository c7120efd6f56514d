"""What a picture holds: one value for every slot, drawn from a seed.

A batch of scenes is a table of small integers, plus numbers that move and size things within what
their words allow, plus a flag for each concept (a concept replaces the base slot of its category).
"""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from .palette import CLOTH, FUR

SLOTS: dict[str, tuple[str, ...]] = {
    "species": ("cat", "dog", "bear", "rabbit", "frog", "duck"),
    "fur": tuple(FUR),
    "crest": ("none", "flower", "bow", "sprout", "crown"),
    "garment": ("none", "sweater", "scarf", "dress", "overalls", "cape"),
    "cloth": tuple(CLOTH),
    "pattern": ("plain", "striped", "dotted"),
    "object": ("none", "balloon", "star wand", "lollipop", "flag", "ice cream"),
    "background": ("meadow", "beach", "city", "forest", "snow", "night"),
    "style": ("flat", "outline", "pastel"),
}
# Relative frequency of the values, where they are not all alike: plain things are commoner than marked ones.
WEIGHTS = {
    "crest": (2.0, 1, 1, 1, 1),
    "pattern": (2.0, 1, 1),
    "style": (3.0, 1, 1),
}
NOISE_COLUMNS = 16


@dataclass(frozen=True)
class Scenes:
    slots: dict[str, Tensor]  # slot name -> value index, long [n]
    noise: Tensor  # uniform in 0..1, [n, NOISE_COLUMNS]; see the NOISE_* constants of those who use it
    concepts: dict[str, Tensor] = field(default_factory=dict)  # concept name -> bool [n]

    def __len__(self) -> int:
        return len(self.noise)

    def slot_is(self, slot: str, value: str) -> Tensor:
        return self.slots[slot] == SLOTS[slot].index(value)

    def has_concept(self, name: str) -> Tensor:
        return self.concepts.get(name, torch.zeros(len(self), dtype=torch.bool, device=self.noise.device))

    def take(self, rows: Tensor) -> "Scenes":
        return Scenes(
            {name: values[rows] for name, values in self.slots.items()}, self.noise[rows],
            {name: flags[rows] for name, flags in self.concepts.items()},
        )

    def with_concepts(self, names: list[str]) -> "Scenes":
        """Every scene with these concepts and no other; what they fix is the caller's to set."""
        every = torch.ones(len(self), dtype=torch.bool, device=self.noise.device)
        return replace(self, concepts={name: every for name in names})

    def with_slots(self, values: dict[str, str]) -> "Scenes":
        """Every scene with these slot values."""
        fixed = {slot: torch.full_like(self.slots[slot], SLOTS[slot].index(value)) for slot, value in values.items()}
        return replace(self, slots={**self.slots, **fixed})

    def to(self, device: torch.device | str) -> "Scenes":
        move = lambda table: {name: tensor.to(device) for name, tensor in table.items()}
        return Scenes(move(self.slots), self.noise.to(device), move(self.concepts))


def sample_scenes(count: int, seed: int) -> Scenes:
    """Base scenes: no concepts. The same seed and count give the same scenes on every machine."""
    generator = torch.Generator().manual_seed(seed)
    slots = {}
    for name, values in SLOTS.items():
        weights = torch.tensor(WEIGHTS.get(name, (1.0,) * len(values)))
        slots[name] = torch.multinomial(weights, count, replacement=True, generator=generator)
    return Scenes(slots, torch.rand(count, NOISE_COLUMNS, generator=generator))


def scattered(noise: Tensor, count: int, salt: float) -> Tensor:
    """Many numbers in 0..1 from one per row: [n] -> [n, count]. For strokes, flakes and the like."""
    steps = torch.arange(1, count + 1, dtype=torch.float64, device=noise.device)
    mixed = torch.sin((noise.double()[:, None] * 91.7 + steps * 12.9898 + salt * 78.233)) * 43758.5453
    return (mixed - mixed.floor()).float()
