"""How each LoRA is trained and written. Ranks, alphas, naming and text parts differ on purpose: the
files that people share differ in just these ways, and Overtone has to read them all."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Recipe:
    naming: Literal["kohya", "peft"]
    rank: int = 16
    alpha: int = 16
    text_rank: int = 0  # 0: the text encoder has no LoRA
    unet_lr: float = 2e-3  # AdamW's; the text encoder has a fifth of it
    habit_share: float = 0.6  # of its pictures show its usual subject or place; a style has to be seen on many
    base_rows: int = 2  # regularisation pictures in each batch of 16; none for styles, which are to change everything
    steps: int = 0  # so many to the end of the schedule; 0: the first good check ends it
    flips: bool = True  # False where left and right differ: mirrored pictures would teach a mixture of both


RECIPES: dict[str, Recipe] = {
    "character_1": Recipe("kohya"),
    "character_2": Recipe("peft", flips=False),
    "character_3": Recipe("kohya", text_rank=4),
    "clothing_1": Recipe("peft", habit_share=0.4, steps=400),
    "clothing_2": Recipe("kohya", alpha=8, unet_lr=3e-3),
    "style_1": Recipe("peft", unet_lr=3e-3, habit_share=0.4, base_rows=0),
    "style_2": Recipe("kohya", rank=8, alpha=8, habit_share=0.4, base_rows=0),
    "background_1": Recipe("peft"),
    "background_2": Recipe("kohya", rank=8, alpha=4),
    "object_1": Recipe("peft", unet_lr=3e-3),
    "object_2": Recipe("kohya", text_rank=4, habit_share=0.3),
    "character_sealed": Recipe("peft"),
    "clothing_sealed": Recipe("kohya", unet_lr=3e-3),
    "style_sealed": Recipe("peft", habit_share=0.4, base_rows=0),
    "background_sealed": Recipe("kohya"),
    "object_sealed": Recipe("peft", unet_lr=3e-3),
}
