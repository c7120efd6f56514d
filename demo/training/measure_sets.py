"""How hard the testbed is: several LoRAs in one picture by plain merging, and how many of their concepts are seen.

    python measure_sets.py --checkpoint ../checkpoint --loras ../loras --judge ../judges/b [--sizes 2 5] [--sets 24] [--seeds 2]
    python measure_sets.py ... --work FOLDER --weight 1.2      # by the training-side classifier, to choose settings by
    python measure_sets.py ... --true                         # the judge on true renderings of the same sets

Sets are ComposLoRA's: one character, and one each of N - 1 other categories (24, 72, 96 and 48 sets for
N = 2..5); --sets draws that many by a fixed seed. Prompts are the triggers and no other word. Merging is
the sum of all LoRAs, each at its weight. The difficulty that is aimed at: all found in at least 70 %
of pictures at N = 2, in 30 to 70 % at N = 5.
"""

import itertools
import json
import random
from pathlib import Path

import torch

from judge_b import JudgeB
from measure_base import classified
from pool import HELD_OUT_SEED, render_bytes
from sampling import open_pipeline, sample
from sheet import save_sheet
from work_folder import parser
from world.concept import Concept
from world.concepts import CONCEPTS
from world.prompts import concept_prompt
from world.scenes import sample_scenes

OTHERS = ("clothing", "style", "background", "object")
SAMPLING_SEED = 20


def concept_sets(names: list[str], size: int) -> list[tuple[str, ...]]:
    """All sets of `size` concepts by ComposLoRA's rule, in a fixed order."""
    of = lambda category: [name for name in names if CONCEPTS[name].category == category]
    return [
        chosen
        for categories in itertools.combinations(OTHERS, size - 1)
        for chosen in itertools.product(of("character"), *(of(category) for category in categories))
    ]


def drawn(sets: list[tuple[str, ...]], count: int) -> list[tuple[str, ...]]:
    return sets if count >= len(sets) else random.Random(SAMPLING_SEED).sample(sets, count)


def true_rendering(names: tuple[str, ...], count: int) -> torch.Tensor:
    concepts: list[Concept] = [CONCEPTS[name] for name in names]
    scenes = sample_scenes(count, HELD_OUT_SEED + 5)
    for concept in concepts:
        scenes = scenes.with_slots(concept.fixed)
    return render_bytes(scenes.with_concepts(list(names)))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--checkpoint", type=Path, required=True)
    options.add_argument("--loras", type=Path, required=True)
    options.add_argument("--judge", type=Path)
    options.add_argument("--sizes", type=int, nargs="*", default=[2, 3, 4, 5])
    options.add_argument("--sets", type=int, default=24)
    options.add_argument("--seeds", type=int, default=2)
    options.add_argument("--weight", type=float, help="of every LoRA, in place of its default weight")
    options.add_argument("--true", action="store_true")
    options.add_argument("--sheet", type=Path)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    files = sorted(chosen.loras.glob("*.safetensors"))
    pipeline = None if chosen.true else open_pipeline(chosen.checkpoint, chosen.device)
    weights = {path.stem: chosen.weight or json.loads(path.with_suffix(".json").read_text())["default_weight"] for path in files}
    if pipeline:
        for path in files:
            pipeline.load_lora_weights(path.parent, weight_name=path.name, adapter_name=path.stem)
    order, shown = list(CONCEPTS), []
    for size in chosen.sizes:
        sets = drawn(concept_sets([path.stem for path in files], size), chosen.sets)
        pictures = []
        for names in sets:
            if pipeline is None:
                pictures.append(true_rendering(names, chosen.seeds))
                continue
            pipeline.set_adapters(list(names), [weights[name] for name in names])
            prompt = concept_prompt([CONCEPTS[name] for name in names], {})
            pictures.append(sample(pipeline, [prompt] * chosen.seeds, seed=0))
        made = torch.cat(pictures)
        found = (JudgeB(chosen.judge).read(made) if chosen.judge else classified(chosen.work, made)).found
        hits = torch.tensor([[found[row, order.index(name)] for name in sets[row // chosen.seeds]] for row in range(len(made))])
        uninvited = found.sum(1) - hits.sum(1)
        print(f"N = {size}, {len(sets)} sets, {chosen.seeds} seeds: all found {100 * hits.all(1).float().mean():.1f} %; "
              f"found {100 * hits.float().mean():.1f} %; uninvited {uninvited.float().mean():.2f} a picture", flush=True)
        by_name = {name: [bool(hit) for row, line in enumerate(hits) for hit, each in zip(line, sets[row // chosen.seeds]) if each == name] for name in weights}
        print("  " + ", ".join(f"{name} {100 * sum(each) / len(each):.0f} %" for name, each in by_name.items() if each), flush=True)
        shown += [*made[:: chosen.seeds][:8].float().div(255 if made.dtype == torch.uint8 else 1)]
    if chosen.sheet:
        save_sheet(torch.stack(shown), chosen.sheet, columns=8)


if __name__ == "__main__":
    main()
