"""expected/online.json and expected/online/*.png: runs whose phases the latent decides, and runs with the authors' faults.

The plans of `runs` are made from bands alone. The pictures are drawn, and their bands are those of their latents.
"""

import random

import torch
from diffusers import DDIMScheduler
from PIL import Image

from golden_paths import EXPECTED
from lora_loading import load_lora
from manifest import write_json, write_section
from picture_cases import LEAST_DEVIATION, LEAST_FLOAT64_PSNR, decode, noise_of, options_of, psnr
from picture_list import FOUR, INNER, SPLIT, Picture, cmlora
from random_checkpoint import load_pipeline
from reference_cmlora import Options
from reference_generate import How, generate_latent
from reference_modes import REFERENCE_THRESHOLD, RETURN_AT, OnlineRun, ParityRun, high_band

FOLDER = EXPECTED / "online"
LEAST_MARGIN = 0.002  # no band is so near to its threshold that rounding decides
TINY = (96, 64)
HIGH_EARLY = 0.31  # a threshold that the latent of the first picture passes well before phase_at

# evaluations, high, low, what a request says beside method and mode
ONLINE = [
    (20, 3, 1, {}),
    (25, 2, 2, {"direction": "low_first", "late_set": "all", "weights": {"decay": "geometric"}}),
    (30, 2, 1, {"preset": "fast", "turn": {"near": 1, "middle": 4}}),
    (50, 4, 1, {"preset": "reference"}),
]
PARITY = [
    (20, 3, 1, {}),
    (25, 2, 2, {"cut": "none"}),
    (30, 3, 0, {"turn": {"near": 3, "middle": 3}}),
    (50, 1, 2, {"phase_at": 0.4, "weights": {"decay": "geometric"}}),
    (20, 2, 2, {"mode": "online"}),
]


def write_online_cases() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    runs = [online_case(seed, *case) for seed, case in enumerate(ONLINE)]
    runs += [parity_case(seed, *case) for seed, case in enumerate(PARITY)]
    online = Picture("online-split", SPLIT, cmlora(mode="online", threshold=HIGH_EARLY, cut=INNER), TINY)
    parity = Picture("parity-four", FOUR, cmlora(parity="reference"), TINY)
    write_json(EXPECTED / "online.json", {"runs": runs, "pictures": [draw(online), draw(parity)]})
    write_section("online", {"file": "online.json", "pictures": "online/NAME.png", "runs": len(runs)})


def names(high: int, low: int) -> tuple[list[str], list[str]]:
    letters = [chr(ord("a") + index) for index in range(high + low)]
    return letters[:high], letters[high:]


def even_timesteps(count: int) -> list[float]:
    return [float(999 - index * 1000 // count) for index in range(count)]


def falling_bands(seed: int, count: int) -> list[float]:
    """From about 0.7 to 0.1, with noise that crosses a threshold to and fro."""
    generator = random.Random(seed)
    return [round(0.7 - 0.6 * index / count + generator.uniform(-0.2, 0.2), 4) for index in range(count)]


def online_case(seed: int, count: int, high: int, low: int, says: dict) -> dict:
    threshold = 0.4
    composition = cmlora(mode="online", threshold=threshold, **says)
    bands = falling_bands(seed, count)
    check_margin(bands, [threshold, threshold * RETURN_AT])
    run = OnlineRun(*names(high, low), even_timesteps(count), parsed(composition, count), threshold)
    return case(run, high, low, composition, bands)


def parity_case(seed: int, count: int, high: int, low: int, says: dict) -> dict:
    composition = cmlora(parity="reference", **says)
    is_online = says.get("mode") == "online"
    # Bands as of a latent that has the bins: `pictures` has the other case.
    bands = falling_bands(seed, count)
    check_margin(bands, [REFERENCE_THRESHOLD])
    run = ParityRun(
        *names(high, low), even_timesteps(count), parsed(composition, count), REFERENCE_THRESHOLD, is_online=is_online
    )
    return case(run, high, low, composition, bands)


def case(run: OnlineRun, high: int, low: int, composition: dict, bands: list[float]) -> dict:
    rows = [run.row(band) for band in bands]
    return {
        "high": high,
        "low": low,
        "composition": composition,
        "bands": bands,
        "leaders": "".join(row["leader"] for row in rows),
        "weights": [round(max(row["weights"]), 12) for row in rows],
        "full": ["".join(sorted(row["full"])) for row in rows],
    }


def parsed(composition: dict, count: int) -> Options:
    fields = {key: value for key, value in composition.items() if key not in ("mode", "threshold", "parity")}
    if "parity" in composition:
        fields.setdefault("preset", "reference")
    return options_of(fields, count, 2)


def check_margin(bands: list[float], thresholds: list[float]) -> None:
    nearest = min(abs(band - threshold) for band in bands for threshold in thresholds)
    assert nearest >= LEAST_MARGIN, f"a band is {nearest} from its threshold: rounding would decide"


@torch.no_grad()
def draw(picture: Picture) -> dict:
    latent, run = make_latent(load_pipeline(), picture)
    image = decode(load_pipeline(), latent)
    exact_latent, _run = make_latent(load_pipeline().to(torch.float64), picture)
    exact = decode(load_pipeline().to(torch.float64), exact_latent)
    assert image.std() >= LEAST_DEVIATION
    assert psnr(image, exact) >= LEAST_FLOAT64_PSNR
    Image.fromarray(image).save(FOLDER / f"{picture.name}.png", optimize=True)
    rows = run.rows
    if picture.composition.get("mode") == "online":
        check_margin([row["band"] for row in rows], [run.threshold, run.threshold * RETURN_AT])
        change = next(row["evaluation"] for row in rows if row["phase"] == 1)
        assert abs(change - 0.6 * len(rows)) >= 3, f"the phase changes at {change}, as offline"
    width, height = picture.size
    return {
        "name": picture.name,
        "request": {
            "prompt": picture.prompt,
            "negative_prompt": picture.negative_prompt,
            "seed": picture.seed,
            "width": width,
            "height": height,
            "steps": picture.steps,
            "sampler": picture.sampler,
            "guidance_scale": picture.guidance_scale,
            "loras": [{"id": l.name, "weight": l.weight, "frequency_class": l.frequency_class} for l in picture.loras],
            "composition": picture.composition,
        },
        "bands": [row["band"] for row in rows],
        "leaders": [row["leader"] for row in rows],
    }


@torch.no_grad()
def make_latent(pipeline, picture: Picture) -> tuple[torch.Tensor, OnlineRun]:
    pipeline.scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    for lora in picture.loras:
        load_lora(pipeline, lora.name)
    pipeline.scheduler.set_timesteps(picture.steps)
    timesteps = [float(t) for t in pipeline.scheduler.timesteps]
    of_class = lambda name: [lora.name for lora in picture.loras if lora.frequency_class == name]
    options = parsed(picture.composition, picture.steps)
    sets = (of_class("high"), of_class("low"), timesteps, options)
    if picture.composition.get("parity") == "reference":
        run = ParityRun(*sets, REFERENCE_THRESHOLD)
    else:
        run = OnlineRun(*sets, picture.composition["threshold"])
    plan = {
        "order": run.order,
        "evaluations": [lambda latent: run.row(high_band(latent[0].float().numpy()))] * picture.steps,
    }
    latent = generate_latent(
        pipeline,
        [(lora.name, lora.weight) for lora in picture.loras],
        plan,
        How(options.cut, options.cache, options.uncond, options.text_encoder),
        picture.prompt,
        picture.negative_prompt,
        noise_of(pipeline, picture),
        picture.guidance_scale,
    )
    pipeline.unload_lora_weights()
    return latent, run
