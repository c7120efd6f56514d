"""cmlora.md B.7 in plain Python: the plan of a run, decided before any tensor exists.

Written from B.7 and CMLORA-DECISIONS.md (numbers in brackets are its numbers), apart from the TypeScript.
`reference_unet.py` runs the passes and `reference_generate.py` the loop, which is where `cache` and `uncond` act: who
is full does not depend on them [23] [24]. Offline mode.
"""

from dataclasses import dataclass, replace
from math import ceil


@dataclass(frozen=True)
class Options:
    """B.7's table, with names as a request spells them."""

    direction: str = "high_first"
    phase_at: float = 0.6
    late_set: str = "low"
    near: int = 2
    middle: int = 3
    bounds: tuple[float, float] = (0.375, 0.875)
    initial: str | float = "n_minus_half"
    decay: str = "none"
    floor: float = 1
    policy: str = "oldest_first"
    every: int = 1
    max_age: int | None = None
    warm_up: int | None = None
    forced_end: int = 0
    cut: str | dict = "outer"
    cache: str = "feature"
    uncond: str = "per_lora"
    text_encoder: str = "own"


def preset(name: str, evaluations: int, layers_per_block: int) -> Options:  # [26] [27] [28]
    quality = Options(cut={"level": 0, "layers": layers_per_block + 1})
    return {
        "quality": quality,
        "fast": replace(
            quality,
            policy="on_turn",
            warm_up=ceil(4 * evaluations / 100),
            max_age=max(3, ceil(60 * evaluations / 100)),
            cut="outer",
            cache="forecast",
        ),
        "reference": replace(
            quality, late_set="all_but_first", policy="on_turn", warm_up=0, max_age=evaluations, text_encoder="all"
        ),
    }[name]


@dataclass(frozen=True)
class Phase:
    evaluations: list[int]
    leaders: list[str]


def plan(high: list[str], low: list[str], timesteps: list[float], options: Options, train_steps: int = 1000) -> dict:
    """`high` and `low`: LoRA ids by frequency class, each in request order. One entry for each model evaluation."""
    us = [1 - t / train_steps for t in timesteps]
    order = order_of(high, low, options.direction)
    turns = turns_of(phases_of(high, low, order, us, options), us, options)
    rows = []
    last_full: dict[str, int] = {}
    for evaluation, turn in enumerate(turns):
        ages = {j: evaluation - last_full[j] for j in order if j in last_full}
        full = full_passes(order, turn, ages, evaluation, len(us), options)
        last_full |= {j: evaluation for j in full}
        c = dominance(len(order), turn["k"], options)
        rows.append(
            {
                "evaluation": evaluation,
                "timestep": timesteps[evaluation],
                "u": us[evaluation],
                "phase": turn["phase"],
                "turn": turn["k"],
                "first_of_turn": turn["first"],
                "leader": turn["leader"],
                "c": c,
                "weights": [(c if j == turn["leader"] else 1) / (c + len(order) - 1) for j in order],  # [12]
                "full": full,
                "reuse": [j for j in order if j not in full],
                "ages_of_reused": {j: ages[j] for j in order if j not in full},
            }
        )
    return {"order": order, "evaluations": rows}


def order_of(high: list[str], low: list[str], direction: str) -> list[str]:  # [1]
    if direction == "high_first":
        return high + low
    if direction == "low_first":
        return low + high
    longest = max(len(high), len(low))
    return [j for n in range(longest) for group in (high, low) for j in group[n : n + 1]]


def phases_of(high: list[str], low: list[str], order: list[str], us: list[float], options: Options) -> list[Phase]:
    everything = list(range(len(us)))
    if options.direction == "interleaved" or not high or not low:  # [1] [2]
        return [Phase(everything, order)]
    first, second = (high, low) if options.direction == "high_first" else (low, high)
    late = {"low": second, "all": order, "all_but_first": order[1:]}[options.late_set]  # [4]
    return [
        Phase([e for e in everything if us[e] < options.phase_at], first),  # [3]
        Phase([e for e in everything if us[e] >= options.phase_at], late),
    ]


def turns_of(phases: list[Phase], us: list[float], options: Options) -> list[dict]:
    """For each evaluation: its phase, its leader, the number of turns completed before its turn, and if it starts one."""
    turns = []
    completed = 0
    for phase_index, phase in enumerate(phases):
        remaining, completed_in_phase = 0, 0
        for evaluation in phase.evaluations:
            starts = remaining == 0  # also at the phase's first evaluation: what was left of a turn is dropped [6] [8]
            if starts:
                if turns:
                    completed += 1  # [8] [10]
                if evaluation != phase.evaluations[0]:
                    completed_in_phase += 1
                remaining = turn_length(us[evaluation], phase, options)
            leader = phase.leaders[completed_in_phase % len(phase.leaders)]  # [9]
            turns.append({"phase": phase_index, "leader": leader, "k": completed, "first": starts})
            remaining -= 1
    return turns


def turn_length(u: float, phase: Phase, options: Options) -> int:  # [7]
    is_near = u < options.bounds[0] or u >= options.bounds[1]
    longest = max(1, len(phase.evaluations) // (2 * len(phase.leaders)))
    return min(options.near if is_near else options.middle, longest)


def dominance(count: int, completed_turns: int, options: Options) -> float:  # [11]
    initial = count - 0.5 if options.initial == "n_minus_half" else options.initial
    if options.decay == "none":
        return initial
    return max(options.floor, initial - 1 + 2.0**-completed_turns)


def full_passes(order: list[str], turn: dict, ages: dict, evaluation: int, count: int, options: Options) -> list[str]:
    if len(order) == 1 or options.policy == "all" or options.cut == "none":  # [14]
        return order
    # Multiplied before it is divided: 0.08 * 25 and its like must not become 2.0000000000000004. [15]
    warm_up = ceil(8 * count / 100) if options.warm_up is None else options.warm_up
    max_age = max(3, ceil(12 * count / 100)) if options.max_age is None else options.max_age
    if evaluation < warm_up or evaluation >= count - options.forced_end:
        return order
    picked = policy_pick(order, turn, ages, evaluation - warm_up, options)
    return [j for j in order if j not in ages or ages[j] >= max_age or j == picked]


def policy_pick(order: list[str], turn: dict, ages: dict, since_warm_up: int, options: Options) -> str | None:  # [16]
    leader = turn["leader"]
    if options.policy == "leader":
        return leader
    if options.policy == "on_turn":
        return leader if turn["first"] else None
    if since_warm_up % options.every != 0:
        return None
    age = lambda j: ages.get(j, float("inf"))  # no cache at all is the stalest there is
    return leader if age(leader) > 2 else max(order, key=age)  # max keeps the first of equals
