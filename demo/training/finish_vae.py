"""Turn the trained VAE into the checkpoint's: latents of mean 0 and one common deviation, by weights alone.

    python finish_vae.py --work FOLDER

SD's pipeline knows one scaling factor for all latent channels and no mean, so a channel with a mean
of its own would leak through the noise at t = 999. The shift and scale of each channel are folded
into the two 1x1 convolutions around the latent (quant_conv, post_quant_conv): exact, and invisible
to whoever loads the checkpoint. Prints the round trip on drawings that training never saw, base and
concepts; the gate is 28 dB.
"""

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from pool import HELD_OUT_SEED, load_shard, render_bytes, shards_present, to_model_range
from train_vae import make_vae, psnr_db, round_trip
from work_folder import load_state, parser
from world.concepts import CONCEPTS
from world.scenes import sample_scenes

# SD 1.x's value: latents leave the encoder with deviation 1 / 0.18215 and are multiplied back to 1.
SCALING_FACTOR = 0.18215
GATE_DB = 28.0
MEASURED_PICTURES = 256


@torch.no_grad()
def standardise(vae: AutoencoderKL, pictures: Tensor) -> None:
    """In place; `pictures` are a sample to measure the channels on."""
    latents = torch.cat([vae.encode(part).latent_dist.mode() for part in pictures.split(32)])
    channels = latents.shape[1]
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    gain = 1 / (deviation * SCALING_FACTOR)
    quant, post = vae.quant_conv, vae.post_quant_conv
    post.bias += (post.weight[:, :, 0, 0] * mean).sum(1)
    post.weight /= gain[:, None, None]
    quant.bias[:channels] = (quant.bias[:channels] - mean) * gain
    quant.weight[:channels] *= gain[:, None, None, None]
    # The second half of quant_conv is the log variance of what the first half says.
    quant.bias[channels:] += 2 * gain.log()
    vae.register_to_config(scaling_factor=SCALING_FACTOR)


def report_round_trip(vae: AutoencoderKL) -> None:
    unseen = sample_scenes(MEASURED_PICTURES, HELD_OUT_SEED)
    base = to_model_range(render_bytes(unseen)).to(vae.device)
    quality = psnr_db(round_trip(vae, base), base)
    print(f"unseen base drawings: {quality.mean():.2f} dB (worst {quality.min():.2f}); gate {GATE_DB}")
    for concept in CONCEPTS.values():
        scenes = unseen.take(torch.arange(24)).with_slots(concept.fixed).with_concepts([concept.name])
        pictures = to_model_range(render_bytes(scenes)).to(vae.device)
        print(f"  {concept.name} ({concept.title}): {psnr_db(round_trip(vae, pictures), pictures).mean():.2f} dB", flush=True)


def main() -> None:
    chosen = parser(__doc__).parse_args()
    torch.set_num_threads(chosen.threads)
    vae = make_vae()
    vae.load_state_dict(load_state(chosen.work / "vae.pt")["averaged"])
    vae.eval().to(chosen.device)
    sample = to_model_range(load_shard(chosen.work, shards_present(chosen.work)[0])[:512]).to(chosen.device)
    before = psnr_db(round_trip(vae, sample), sample).mean()
    standardise(vae, sample)
    after = psnr_db(round_trip(vae, sample), sample).mean()
    assert (after - before).abs() < 0.05, f"standardising changed the round trip from {before:.2f} to {after:.2f} dB"
    vae.save_pretrained(chosen.work / "vae")
    report_round_trip(vae)


if __name__ == "__main__":
    main()
