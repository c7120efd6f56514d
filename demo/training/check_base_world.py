"""Assert that the base world never holds a concept: 100,000 scenes and captions, none with a trigger
word, none with a concept's drawing.

    python check_base_world.py [--scenes 100000]

A concept's marks are drawn only where its flag is set (`render.py`), so a scene without flags cannot
show one; and a trigger is a word that captions cannot make. Both are checked here rather than trusted.
"""

import random

from work_folder import parser
from world.captions import FILLERS, caption, scene_slots, trigger_words
from world.concepts import CONCEPTS
from world.scenes import sample_scenes

BATCH = 10_000


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--scenes", type=int, default=100_000)
    chosen = options.parse_args()
    triggers = {concept.name: concept.triggers[0].split()[0] for concept in CONCEPTS.values()}
    assert len(set(triggers.values())) == len(triggers), "two concepts share a trigger word"
    assert set(triggers.values()) <= set(trigger_words()), "a trigger is not made of the captions' pieces"
    assert not set(triggers.values()) & set(FILLERS), "a trigger occurs in base captions"
    randomness = random.Random(0)
    with_nonsense = 0
    for first in range(0, chosen.scenes, BATCH):
        scenes = sample_scenes(BATCH, seed=3_000_000 + first)
        assert not scenes.concepts, f"base scenes carry concepts: {list(scenes.concepts)}"
        for row in range(BATCH):
            words = set(caption(scene_slots(scenes, row), randomness).replace(",", " ").split())
            assert not words & set(triggers.values()), f"caption holds a trigger: {sorted(words)}"
            with_nonsense += bool(words & set(FILLERS))
    print(f"{chosen.scenes} scenes: no concept, no trigger; {100 * with_nonsense / chosen.scenes:.1f} % of captions hold a nonsense word")


if __name__ == "__main__":
    main()
