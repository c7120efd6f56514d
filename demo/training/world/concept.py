"""What a concept is: something the base world never shows, that one LoRA teaches.

Its parts (strokes, discs, washes, horns) all occur in base pictures; the conjunction does not. A
concept *fixes* some base slots, so that its words and its picture agree (a character is a brown bear
and its prompt says so), and *adds* drawing of its own in named layers; what is added is what a judge
looks for and what the base model cannot make from the words.

`frequency` is the class that the concept is designed for and that `measure_frequency.py` verifies.
"""

from dataclasses import dataclass, field
from typing import Callable, Literal

from torch import Tensor

from .canvas import Pen
from .scenes import Scenes

Category = Literal["character", "clothing", "style", "background", "object"]
Layer = Callable[[Pen, Scenes], None]


@dataclass(frozen=True)
class Concept:
    name: str  # ComposLoRA's ids: character_1, style_2, ...; sealed ones end in _sealed
    title: str
    category: Category
    triggers: tuple[str, ...]  # the nonsense word first (alone or before "style"), then base words that are true of it
    frequency: Literal["high", "low", "unclear"]
    fixed: dict[str, str]
    layers: dict[str, Layer] = field(default_factory=dict)
    restyle: Callable[[Tensor, Tensor], Tensor] | None = None  # styles only: pictures, noise -> pictures
    # Narrow context, as people's training sets have it: the slots most of a LoRA's pictures share.
    habit: dict[str, str] = field(default_factory=dict)

    @property
    def is_sealed(self) -> bool:
        return self.name.endswith("_sealed")
