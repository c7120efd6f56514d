"""True renderings of a testbed's sets: what each set of LoRAs should give, drawn by the world itself.

    python true_renderings.py --testbed ../testbed.json --to ../true [--renderings 2]

For each set a strip of squares side by side, named by the set's LoRAs. What no concept of the set fixes is drawn at
random, as a prompt of triggers leaves it open. Also writes what the judges need to know of each LoRA into the testbed:
triggers, what a concept fixes, the habits of its training pictures, and what it covers.
"""

import argparse
import itertools
import json
from pathlib import Path

import torch
from PIL import Image

from concept_sets import HIDDEN_BY
from pool import render_bytes
from world.concept import Concept
from world.concepts import CONCEPTS
from world.scenes import sample_scenes

SEED = 9_000_000


def sets_of(testbed: dict) -> list[list[Concept]]:
    """ComposLoRA's rule, as src/core/evaluation/lora-sets.ts has it; or the testbed's own list."""
    if "list" in testbed["sets"]:
        return [[CONCEPTS[name] for name in names] for names in testbed["sets"]["list"]]
    concepts = [CONCEPTS[lora["id"]] for lora in testbed["loras"]]
    others = [name for name in dict.fromkeys(concept.category for concept in concepts) if name != "character"]
    made = []
    for size in testbed["sets"]["sizes"]:
        for categories in itertools.combinations(others, size - 1):
            members = [[concept for concept in concepts if concept.category == name] for name in ("character", *categories)]
            made += [list(choice) for choice in itertools.product(*members)]
    return made


def strip(concepts: list[Concept], count: int, seed: int) -> Image.Image:
    fixed = {slot: value for concept in concepts for slot, value in concept.fixed.items()}
    scenes = sample_scenes(count, seed).with_slots(fixed).with_concepts([concept.name for concept in concepts])
    pictures = render_bytes(scenes)
    return Image.fromarray(torch.cat(list(pictures.permute(0, 2, 3, 1)), 1).contiguous().numpy())


def facts(concept: Concept, stated: str | None) -> dict:
    """`stated`: the class that the testbed gives a concept that was designed to be neither; the profile that was measured of its LoRA."""
    known = stated if concept.frequency == "unclear" else concept.frequency
    return {
        "id": concept.name,
        "title": concept.title,
        "category": concept.category,
        "triggers": list(concept.triggers),
        **({"frequency_class": known} if known else {}),
        "fixes": concept.fixed,
        "habits": concept.habit,
        "hides": [slot for slot, names in HIDDEN_BY.items() if concept.name in names],
    }


def written(testbed: dict) -> str:
    """A line for each field, and for each entry of the long lists."""
    value = lambda part: "[\n    " + ",\n    ".join(map(json.dumps, part)) + "\n  ]" if isinstance(part, list) and part and isinstance(part[0], dict) else json.dumps(part)
    return "{\n" + ",\n".join(f"  {json.dumps(name)}: {value(part)}" for name, part in testbed.items()) + "\n}\n"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--testbed", type=Path, required=True)
    options.add_argument("--to", type=Path, required=True)
    options.add_argument("--renderings", type=int, default=2)
    chosen = options.parse_args()
    torch.set_num_threads(1)
    testbed = json.loads(chosen.testbed.read_text())
    testbed["loras"] = [facts(CONCEPTS[lora["id"]], lora.get("frequency_class")) for lora in testbed["loras"]]
    chosen.testbed.write_text(written(testbed))
    chosen.to.mkdir(parents=True, exist_ok=True)
    for index, concepts in enumerate(sets_of(testbed)):
        name = "+".join(concept.name for concept in concepts)
        strip(concepts, chosen.renderings, SEED + 1000 * index).save(chosen.to / f"{name}.webp", lossless=True, method=6)


if __name__ == "__main__":
    main()
