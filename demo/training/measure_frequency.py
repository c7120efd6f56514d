"""Measure every concept's frequency class, in pixels and (once there is a VAE) in its latents.

    python measure_frequency.py --work FOLDER [--pictures 64]
"""

import torch
from diffusers import AutoencoderKL

from frequency import frequency_class, high_share
from latents import encode
from pool import render_bytes
from work_folder import parser
from world.concepts import CONCEPTS
from world.scenes import sample_scenes

SEED = 2_000_000


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--pictures", type=int, default=64)
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    has_vae = (chosen.work / "vae").exists()
    vae = AutoencoderKL.from_pretrained(chosen.work / "vae").eval().to(chosen.device) if has_vae else None
    print("concept                designed  pixels         latents")
    for concept in CONCEPTS.values():
        without = sample_scenes(chosen.pictures, SEED).with_slots(concept.fixed).to(chosen.device)
        pictures = render_bytes(without.with_concepts([concept.name])), render_bytes(without)
        spaces = [high_share(pictures[0].float() - pictures[1].float())]
        if vae:
            spaces.append(high_share(encode(vae, pictures[0]) - encode(vae, pictures[1])))
        shown = "  ".join(f"{share:.2f} {frequency_class(share):8}" for share in spaces)
        print(f"{concept.name:22} {concept.frequency:8}  {shown}", flush=True)


if __name__ == "__main__":
    main()
