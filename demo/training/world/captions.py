"""Words for a scene: a sentence, or the comma list that multi-LoRA testbeds use.

A slot whose value is "none" (or the flat style) has no words, and any slot may go unmentioned, so a
prompt need not name everything. 15 % of captions hold a nonsense word that means nothing: the
base model learns to ignore such words, as it must when a LoRA's trigger comes without its LoRA.
"""

import random

from .scenes import SLOTS, Scenes

UNMENTIONED_SHARE = 0.1
NONSENSE_SHARE = 0.15

PLACE_PHRASES = {
    "meadow": "in a meadow", "beach": "on a beach", "city": "in a city",
    "forest": "in a forest", "snow": "in the snow", "night": "at night",
}
STYLE_PHRASES = {"outline": "ink outline style", "pastel": "pastel style"}

# Nonsense words are two of these pieces. The pairs in the second half of the list below are kept
# for triggers, so that a trigger is made of pieces whose embeddings the base model has trained.
PIECES = ("zor", "mik", "vel", "tup", "qui", "bla", "nem", "osk", "dra", "fim", "gul", "hax", "jor", "kep", "lum", "wex")
FILLERS = tuple(a + b for i, a in enumerate(PIECES) for b in PIECES[i % 4::4])
assert len(FILLERS) == 64


def caption(slots: dict[str, str], randomness: random.Random) -> str:
    """One caption of a scene given as slot -> value."""
    mentioned = {slot: value for slot, value in slots.items() if randomness.random() >= UNMENTIONED_SHARE}
    words = _comma_list(mentioned, randomness) if randomness.random() < 0.5 else _sentence(mentioned)
    if randomness.random() < NONSENSE_SHARE:
        parts = words.split(", ")
        parts.insert(randomness.randint(0, len(parts)), randomness.choice(FILLERS))
        words = ", ".join(parts)
    return words


def full_caption(slots: dict[str, str]) -> str:
    """The sentence that names every slot: what retrieval is measured with."""
    return _sentence(slots)


def scene_slots(scenes: Scenes, row: int) -> dict[str, str]:
    return {slot: values[int(scenes.slots[slot][row])] for slot, values in SLOTS.items()}


def trigger_words() -> list[str]:
    """Nonsense words that no base caption holds, made of the same pieces."""
    return [a + b for a in PIECES for b in PIECES if a != b and a + b not in FILLERS]


def animal_words(slots: dict[str, str]) -> str:
    return " ".join(part for part in (slots.get("fur"), slots.get("species", "animal")) if part)


def cloth_words(slots: dict[str, str]) -> str | None:
    """"striped red scarf"; nothing if there is no garment."""
    garment = slots.get("garment", "none")
    if garment == "none":
        return None
    pattern = slots.get("pattern", "plain")
    return " ".join(part for part in (pattern if pattern != "plain" else None, slots.get("cloth"), garment) if part)


def _comma_list(slots: dict[str, str], randomness: random.Random) -> str:
    parts = [slots.get("crest"), cloth_words(slots), slots.get("object"), slots.get("background"), STYLE_PHRASES.get(slots.get("style", "flat"))]
    parts = [part for part in parts if part and part != "none"]
    randomness.shuffle(parts)
    return ", ".join([animal_words(slots)] + parts)


def _sentence(slots: dict[str, str]) -> str:
    words = with_article(animal_words(slots))
    if slots.get("crest", "none") != "none":
        words += " with " + with_article(slots["crest"])
    cloth = cloth_words(slots)
    if cloth:
        words += " wearing " + (cloth if cloth.endswith("overalls") else with_article(cloth))
    if slots.get("object", "none") != "none":
        words += " holding " + with_article(slots["object"])
    if "background" in slots:
        words += " " + PLACE_PHRASES[slots["background"]]
    if slots.get("style", "flat") != "flat":
        words += ", " + STYLE_PHRASES[slots["style"]]
    return words


def with_article(words: str) -> str:
    return ("an " if words[0] in "aeiou" else "a ") + words
