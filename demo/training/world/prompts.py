"""Prompts that hold concepts: the comma list of a multi-LoRA testbed, triggers among base words.

A concept's triggers stand where its category's base words would: "zormik, brown bear" for the
animal, "nemzor, dress" for the garment. Slots that the drawing of a concept hides are not named.
"""

from .captions import STYLE_PHRASES, animal_words, cloth_words
from .concept import Concept


def concept_prompt(concepts: list[Concept], slots: dict[str, str]) -> str:
    """slots: whatever base words to name besides; a slot that is absent or "none" is not named."""
    by_category = {concept.category: ", ".join(concept.triggers) for concept in concepts}
    is_character = "character" in by_category
    parts = [
        by_category.get("character") or animal_words(slots),
        None if is_character else slots.get("crest"),
        by_category.get("clothing") or cloth_words(slots),
        by_category.get("object") or slots.get("object"),
        by_category.get("background") or slots.get("background"),
        by_category.get("style") or STYLE_PHRASES.get(slots.get("style", "flat")),
    ]
    return ", ".join(part for part in parts if part and part != "none")
