"""Judge B on true renderings that training never saw, and on the same after the VAE's round trip.

    python measure_judges.py --work FOLDER --checkpoint ../checkpoint --judge ../judges/b [--pictures 1024]

First scenes of all sixteen concepts together (a mosaic over a sparkler is in them), then scenes as the
testbed has them: the eleven open concepts without the sealed ones, and the other way round. The gate is
97 % both ways.
"""

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from concept_sets import concept_labels, sample_concept_scenes
from judge_b import JudgeB
from pool import render_bytes, to_model_range
from train_reader import SEEDS, report
from train_vae import round_trip
from work_folder import parser
from world.concepts import CONCEPTS, OPEN_CONCEPTS, SEALED_CONCEPTS
from world.scenes import Scenes

SEED = SEEDS["judge_b"][2]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--checkpoint", type=Path, required=True)
    options.add_argument("--judge", type=Path, required=True)
    options.add_argument("--pictures", type=int, default=1024)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    judge = JudgeB(chosen.judge, chosen.threads)
    vae = AutoencoderKL.from_pretrained(chosen.checkpoint / "vae").float().eval()
    for title, members in (("all concepts", tuple(CONCEPTS.values())), ("open concepts", OPEN_CONCEPTS), ("sealed concepts", SEALED_CONCEPTS)):
        scenes = sample_concept_scenes(chosen.pictures, SEED + len(members), members)
        pictures = render_bytes(scenes)
        print(f"{title}, {len(scenes)} true renderings:")
        show(judge, scenes, pictures)
        print(f"{title}, after the VAE's round trip:")
        show(judge, scenes, round_trip(vae, to_model_range(pictures)) / 2 + 0.5)


def show(judge: JudgeB, scenes: Scenes, pictures: Tensor) -> None:
    reading, true = judge.read(pictures), concept_labels(scenes).bool()
    report(reading, scenes)
    print(f"  all right in a picture: {100 * (reading.found == true).all(1).float().mean():.1f} %", flush=True)


if __name__ == "__main__":
    main()
