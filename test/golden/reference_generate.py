"""A picture by composition of N passes a step (composite, switch, cmlora): plan -> passes -> fold -> guidance -> sampler."""

from dataclasses import dataclass

import torch
from diffusers import StableDiffusionPipeline

from reference_unet import cut_of, full_pass, reuse_pass

Loras = list[tuple[str, float]]  # id and weight, in request order


@dataclass(frozen=True)
class How:
    """What a plan leaves to the passes, spelled as a request's `composition` spells it."""

    cut: str | dict = "none"
    cache: str = "feature"
    uncond: str = "per_lora"
    text_encoder: str = "own"


@torch.no_grad()
def generate_latent(
    pipeline: StableDiffusionPipeline,
    loras: Loras,
    plan: dict,
    how: How,
    prompt: str,
    negative_prompt: str,
    noise: torch.Tensor,
    guidance_scale: float,
) -> torch.Tensor:
    """The pipeline's scheduler has its timesteps set, and they are the plan's."""
    weight_of = dict(loras)
    texts = encode_all(pipeline, loras, how.text_encoder, prompt, negative_prompt)
    base_text = encode_with(pipeline, [], prompt, negative_prompt)
    scheduler, unet, cut = pipeline.scheduler, pipeline.unet, cut_of(how.cut)
    is_delta = how.cache == "delta" and any(not callable(row) and row["reuse"] for row in plan["evaluations"])
    needs_base = is_delta or how.uncond == "base"
    kept: dict[str, torch.Tensor] = {}
    seen: dict[str, list[tuple[int, torch.Tensor]]] = {}  # features of full passes, for `forecast` [39]
    latent = noise * scheduler.init_noise_sigma
    for timestep, row in zip(scheduler.timesteps, plan["evaluations"], strict=True):
        if callable(row):
            row = row(latent)  # decided by what the latent looks like: reference_modes.py
        x = scheduler.scale_model_input(torch.cat([latent, latent]), timestep)  # unconditional half first
        base, base_feature = base_pass(pipeline, x, timestep, base_text, cut) if needs_base else (None, None)  # [22]
        origin = base_feature if is_delta else 0  # [23]
        eps_u, eps_c = 0, 0
        for j, p in zip(plan["order"], row["weights"], strict=True):
            if j not in row["full"] and j not in row["reuse"]:
                continue  # switch: only the leader runs
            pipeline.set_adapters([j], [weight_of[j]])
            if j in row["full"]:
                prediction, feature = full_pass(unet, x, timestep, texts[j], cut)
                if feature is not None:
                    kept[j] = feature - origin
                    seen.setdefault(j, []).append((row["evaluation"], feature))
            else:
                feature = kept[j] + origin if how.cache != "forecast" else forecast(seen[j], row["evaluation"])
                prediction = reuse_pass(unet, x, timestep, texts[j], cut, feature)
            uncond, cond = prediction.chunk(2)
            eps_u, eps_c = eps_u + p * uncond, eps_c + p * cond
        if how.uncond == "base":
            eps_u = base.chunk(2)[0]  # [24]
        eps = eps_c if guidance_scale <= 1 else eps_u + guidance_scale * (eps_c - eps_u)  # [12]
        latent = scheduler.step(eps, timestep, latent).prev_sample
    return latent


def forecast(seen: list[tuple[int, torch.Tensor]], evaluation: int) -> torch.Tensor:  # [39]
    if len(seen) < 2:
        return seen[-1][1]
    (before, old), (last, new) = seen[-2:]
    return new + 0.5 * (evaluation - last) / (last - before) * (new - old)


def base_pass(pipeline, x, timestep, text, cut) -> tuple[torch.Tensor, torch.Tensor | None]:
    pipeline.disable_lora()
    result = full_pass(pipeline.unet, x, timestep, text, cut)
    pipeline.enable_lora()
    return result


def encode_all(pipeline, loras: Loras, policy: str, prompt: str, negative_prompt: str) -> dict[str, torch.Tensor]:
    """For each LoRA the text of its pass, [2, 77, width]: the negative prompt first."""
    shared = {"all": loras, "first": loras[:1], "none": [], "own": []}[policy]
    everything = encode_with(pipeline, shared, prompt, negative_prompt)
    if policy != "own":
        return {j: everything for j, _weight in loras}
    return {lora[0]: encode_with(pipeline, [lora], prompt, negative_prompt) for lora in loras}


def encode_with(pipeline, loras: Loras, prompt: str, negative_prompt: str) -> torch.Tensor:
    if loras:
        pipeline.set_adapters([j for j, _weight in loras], [weight for _j, weight in loras])
    else:
        pipeline.disable_lora()
    positive, negative = pipeline.encode_prompt(prompt, "cpu", 1, True, negative_prompt)
    pipeline.enable_lora()
    return torch.cat([negative, positive])


def composite_plan(order: list[str], timesteps: list[float]) -> dict:
    """Every LoRA at every evaluation, all alike."""
    weights = [1 / len(order)] * len(order)
    rows = [{"evaluation": e, "timestep": t, "weights": weights, "full": order, "reuse": []} for e, t in enumerate(timesteps)]
    return {"order": order, "evaluations": rows}


def switch_plan(order: list[str], timesteps: list[float], tau: int = 5) -> dict:
    """One LoRA at a time: index floor(evaluation / tau) mod N."""
    rows = []
    for e, t in enumerate(timesteps):
        leader = order[e // tau % len(order)]
        weights = [float(j == leader) for j in order]
        rows.append({"evaluation": e, "timestep": t, "leader": leader, "weights": weights, "full": [leader], "reuse": []})
    return {"order": order, "evaluations": rows}
