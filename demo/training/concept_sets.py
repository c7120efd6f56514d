"""Scenes that hold concepts, at most one a category, as judges are trained and measured on."""

from pathlib import Path

import torch
from torch import Tensor

from pool import render_bytes
from work_folder import load_state, save_state
from world.concept import Concept
from world.concepts import CONCEPTS
from world.scenes import SLOTS, Scenes, sample_scenes

ABSENT_SHARE = 0.55


def sample_concept_scenes(count: int, seed: int, concepts: tuple[Concept, ...] = tuple(CONCEPTS.values())) -> Scenes:
    """Each category of each scene holds one of its members among `concepts`, or none in ABSENT_SHARE of scenes."""
    generator = torch.Generator().manual_seed(seed + 17)
    scenes = sample_scenes(count, seed)
    flags = {name: torch.zeros(count, dtype=torch.bool) for name in CONCEPTS}
    for category in ("character", "clothing", "style", "background", "object"):
        members = [concept for concept in concepts if concept.category == category]
        which = torch.randint(len(members), (count,), generator=generator)
        present = torch.rand(count, generator=generator) >= ABSENT_SHARE
        for k, concept in enumerate(members):
            rows = present & (which == k)
            flags[concept.name] |= rows
            _fix(scenes, concept, rows)
    return Scenes(scenes.slots, scenes.noise, flags)


def _fix(scenes: Scenes, concept: Concept, rows: Tensor) -> None:
    for slot, value in concept.fixed.items():
        scenes.slots[slot][rows] = SLOTS[slot].index(value)


def concept_labels(scenes: Scenes) -> Tensor:
    """Float [n, concepts], in the registry's order."""
    return torch.stack([scenes.has_concept(name) for name in CONCEPTS], 1).float()


def rendered_concept_scenes(work: Path, scenes: Scenes, seed: int) -> Tensor:
    """uint8 pictures of the scenes that this seed made, rendered once and kept in the work folder."""
    path = work / "judge_pool" / f"{seed}.pt"
    if not path.exists():
        save_state({"pictures": render_bytes(scenes)}, path)
    return load_state(path)["pictures"]


# What a concept covers or replaces can no longer be read off the picture.
HIDDEN_BY = {
    "crest": ("character_1", "character_2", "character_3", "character_sealed", "clothing_2", "clothing_sealed"),
    "garment": ("clothing_1", "clothing_2", "clothing_sealed", "object_2", "object_sealed"),
    "cloth": ("clothing_2", "clothing_sealed", "style_2"),
    "pattern": ("clothing_1", "clothing_2", "clothing_sealed", "object_2", "object_sealed", "style_1", "style_sealed"),
    "object": ("object_1", "object_2", "object_sealed"),
    "fur": ("style_2", "character_2"),
    "background": ("background_sealed",),
    "style": ("style_1", "style_2", "style_sealed"),
}


def visible_slot(scenes: Scenes, slot: str) -> Tensor:
    """Bool [n]: whether the slot's value shows in the picture."""
    shown = torch.ones(len(scenes), dtype=torch.bool)
    for name in HIDDEN_BY.get(slot, ()):
        shown &= ~scenes.has_concept(name)
    if slot in ("cloth", "pattern"):
        shown &= ~scenes.slot_is("garment", "none")
    return shown


def slot_targets(scenes: Scenes) -> dict[str, Tensor]:
    """Value index of every slot, long [n]; -1 where it does not show."""
    return {slot: torch.where(visible_slot(scenes, slot), scenes.slots[slot], -1) for slot in SLOTS}
