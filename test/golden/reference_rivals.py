"""The rivals of cmlora (cmlora.md D and F) in plain Python: who acts when, and how predictions are folded.

Written from cmlora.md and CMLORA-DECISIONS.md (numbers in brackets are its numbers), apart from the TypeScript. A plan is a list of
rows as in `reference_cmlora.py`; `weights` of a row are those of the LoRAs, and what they lack to 1 is the base model's.
"""

import re

import torch
from diffusers import StableDiffusionPipeline

from reference_generate import Loras, base_pass, encode_all, encode_with
from reference_unet import full_pass


def switch_a_plan(high: list[str], low: list[str], us: list[float], timesteps: list[float], composition: dict) -> dict:  # [29]
    tau, phase_at = composition.get("tau", 5), composition.get("phase_at", 0.6)
    late = len([u for u in us if u < phase_at]) if high and low else len(us)
    actors = []
    for e in range(len(us)):
        group, since = ((high or low), e) if e < late else (low, e - late)
        actors.append(group[since // tau % len(group)])
    return turns_plan(high + low, actors, timesteps)


def w_switch_plan(order: list[str], weights: list[float], timesteps: list[float], composition: dict) -> dict:  # [31]
    count = len(timesteps)
    share = max(1, round(5 * count / 100))
    tau = composition.get("tau", share)
    closing = {"id": order[0], "evaluations": share} | composition.get("closing", {})
    blocks = [max(1, round(w / max(weights) * tau)) for w in weights]
    cycle = [j for j, block in zip(order, blocks, strict=True) for _ in range(block)]
    actors = [cycle[e % len(cycle)] for e in range(count)]
    last = count - closing["evaluations"]
    return turns_plan(order, actors[:last] + [closing["id"]] * (count - last), timesteps)


def turns_plan(order: list[str], actors: list[str], timesteps: list[float]) -> dict:
    rows = [
        {
            "evaluation": e,
            "timestep": timesteps[e],
            "leader": actor,
            "weights": [float(j == actor) for j in order],
            "full": [actor],
            "reuse": [],
        }
        for e, actor in enumerate(actors)
    ]
    return {"order": order, "evaluations": rows}


def everybody_plan(order: list[str], weights: list[float], timesteps: list[float]) -> dict:
    rows = [
        {"evaluation": e, "timestep": t, "weights": weights, "full": order, "reuse": []} for e, t in enumerate(timesteps)
    ]
    return {"order": order, "evaluations": rows}


@torch.no_grad()
def prompt_weights(pipeline: StableDiffusionPipeline, order: list[str], composition: dict, prompt: str) -> list[float]:  # [30]
    phrases = {entry["id"]: entry["phrases"] for entry in composition.get("triggers", [])}
    vector = lambda text: encode_with(pipeline, [], text, "").chunk(2)[1][0].double().mean(dim=0)
    similar = lambda text: torch.nn.functional.cosine_similarity(vector(prompt), vector(text), dim=0).item()
    weights = []
    for j in order:
        mine = phrases.get(j, [])
        if composition["method"] == "w-composite":
            weights.append(max(similar(", ".join(mine)), 0.0) if mine else 0.0)
            continue
        rest = without(prompt, mine)
        if not mine:
            weights.append(0.1)
        elif len(rest) < 5:
            weights.append(2.0)
        else:
            weights.append(max(1 - similar(rest), 0.05))
    total = sum(weights)
    return [w / total for w in weights] if total > 0 else [1 / len(order)] * len(order)


def without(text: str, phrases: list[str]) -> str:
    for phrase in phrases:
        text = re.sub(rf"(?<!\w){re.escape(phrase)}(?!\w)", "", text, flags=re.IGNORECASE)
    return ", ".join(" ".join(part.split()) for part in text.split(",") if part.strip())


@torch.no_grad()
def rival_latent(
    pipeline: StableDiffusionPipeline,
    loras: Loras,
    composition: dict,
    plan: dict,
    texts: tuple[str, str],
    noise: torch.Tensor,
    guidance_scale: float,
) -> torch.Tensor:
    """`texts`: prompt and negative prompt. The pipeline's scheduler has its timesteps set, and they are the plan's."""
    weight_of = dict(loras)
    encoded = encode_all(pipeline, loras, composition.get("text_encoder", "own"), *texts)
    base_text = encode_with(pipeline, [], *texts)
    scheduler, unet = pipeline.scheduler, pipeline.unet
    latent = noise * scheduler.init_noise_sigma
    for timestep, row in zip(scheduler.timesteps, plan["evaluations"], strict=True):
        x = scheduler.scale_model_input(torch.cat([latent, latent]), timestep)
        base = base_pass(pipeline, x, timestep, base_text, None)[0].chunk(2)
        own = {}
        for j in row["full"]:
            pipeline.set_adapters([j], [weight_of[j]])
            own[j] = full_pass(unet, x, timestep, encoded[j], None)[0].chunk(2)
        eps_u, eps_c = fold(composition, dict(zip(plan["order"], row["weights"])), own, base)
        latent = scheduler.step(eps_u + guidance_scale * (eps_c - eps_u), timestep, latent).prev_sample
    return latent


def fold(composition: dict, weights: dict[str, float], own: dict, base: tuple) -> tuple[torch.Tensor, torch.Tensor]:
    """Both guidance halves. `own`: for each LoRA that ran, its unconditional and conditional prediction."""
    method = composition["method"]
    if method == "loratorio-like":  # [33]
        patched = by_patches([c for _u, c in own.values()], base[1], composition)
        return base[0], patched
    halves = []
    for half in (0, 1):
        rest = base[half] if method == "delta-composite" else 0  # [32]
        halves.append(rest + sum(weights[j] * (eps[half] - rest) for j, eps in own.items()))
    if composition.get("uncond") == "base":
        halves[0] = base[0]
    return halves[0], halves[1]


def by_patches(predictions: list[torch.Tensor], base: torch.Tensor, composition: dict) -> torch.Tensor:  # [33]
    count, temperature = composition.get("patches", 8), composition.get("temperature", 0.05)
    _rows, _channels, height, width = base.shape
    result = torch.zeros_like(base)
    bands = lambda side: [[i for i in range(side) if i * count // side == band] for band in range(count)]
    for ys in bands(height):
        for xs in bands(width):
            if not ys or not xs:
                continue
            patch = lambda t: t[:, :, ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
            alike = torch.stack(
                [torch.nn.functional.cosine_similarity(patch(p).flatten(), patch(base).flatten(), dim=0) for p in predictions]
            )
            shares = torch.softmax(-alike / temperature, dim=0)
            patch(result).copy_(sum(share * patch(p) for share, p in zip(shares, predictions)))
    return result
