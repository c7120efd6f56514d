"""The registry: eleven concepts in ComposLoRA's five categories, and five sealed ones for the last report."""

from ..concept import Concept
from .backgrounds import AURORA, DEEP_SEA, REEDS
from .characters import BRAMBLE, DUSKIN, LUMA, PIM
from .clothes import BELL_ROBE, DIVING_SUIT, SCRIBBLE_DRESS
from .objects import BURGER, MOON_LANTERN, SPARKLER
from .styles import EMBER_WASH, INK_HATCH, MOSAIC

CONCEPTS: dict[str, Concept] = {
    concept.name: concept
    for concept in (
        BRAMBLE, DUSKIN, LUMA, SCRIBBLE_DRESS, BELL_ROBE, INK_HATCH, EMBER_WASH, REEDS, AURORA, SPARKLER, MOON_LANTERN,
        PIM, DIVING_SUIT, MOSAIC, DEEP_SEA, BURGER,
    )
}
OPEN_CONCEPTS = tuple(concept for concept in CONCEPTS.values() if not concept.is_sealed)
SEALED_CONCEPTS = tuple(concept for concept in CONCEPTS.values() if concept.is_sealed)
