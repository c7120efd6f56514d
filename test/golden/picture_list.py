"""Every golden picture: what a client would ask for. `picture_cases.py` makes them."""

from dataclasses import dataclass

PROMPT = "a red fox in the snow, digital painting, masterpiece"
NEGATIVE = "blurry, low quality, extra fingers"
SEED = 42
SQUARE, TALL, WIDE = (128, 128), (128, 192), (192, 128)  # width, height
SMALL_SQUARE, SMALL_TALL, SMALL_WIDE = (96, 96), (64, 96), (192, 64)  # 1:1, 2:3, 3:1


@dataclass(frozen=True)
class Lora:
    name: str
    weight: float
    frequency_class: str = "high"


@dataclass(frozen=True)
class Picture:
    name: str
    loras: list[Lora]
    composition: dict  # as a request's `composition`: method, and for cmlora B.7's options
    size: tuple[int, int] = SQUARE
    sampler: str = "ddim"
    seed: int = SEED
    prompt: str = PROMPT
    negative_prompt: str = NEGATIVE
    steps: int = 20
    guidance_scale: float = 7.5


ONE = [Lora("kohya-full-mixed", 0.8)]
TWO = [Lora("kohya-feedforward-r6", 1.0, "low"), Lora("peft-attention-r8", 0.9)]
# The low-frequency LoRA comes first in the request and last in the order.
FOUR = [
    Lora("kohya-feedforward-r6", 0.8, "low"),
    Lora("peft-full-metadata", 0.7),
    Lora("kohya-attention-r4", 1.0),
    Lora("legacy-cross-attention-r2", 0.9),
]
# With 1 to 5 of these, at least one has a text part: every one but the third.
FIVE = [Lora("kohya-full-mixed", 0.6), FOUR[1], FOUR[2], FOUR[0], FOUR[3]]
SPLIT = [Lora(l.name, l.weight, "low" if n > 1 else "high") for n, l in enumerate(FOUR)]  # two high, two low

INNER = {"level": 0, "layers": 3}
NONE = {"method": "merge", "text_encoder": "all"}


def cmlora(**options) -> dict:
    return {"method": "cmlora", **options}


def refresh(policy: str, **fields) -> dict:
    return {"policy": policy, **fields}


def grid() -> list[Picture]:
    """merge, switch, composite x N = 1 .. 5 x three sizes. Of the 45, the 15 in which every pair of two of these meets."""
    sizes = [("square", SMALL_SQUARE), ("tall", SMALL_TALL), ("wide", SMALL_WIDE)]
    methods = [
        {"method": "merge", "text_encoder": "all"},
        {"method": "switch", "tau": 3, "text_encoder": "own"},
        {"method": "composite", "text_encoder": "own"},
    ]
    pictures = []
    for count in range(1, 6):
        for index, method in enumerate(methods):
            shape, size = sizes[(count + index) % 3]
            pictures.append(Picture(f"grid-{method['method']}{count}-{shape}", FIVE[:count], method, size))
    return pictures


def small(name: str, loras: list[Lora], composition: dict, **fields) -> Picture:
    return Picture(name, loras, composition, **{"size": SMALL_SQUARE, **fields})


def rivals() -> list[Picture]:
    """The rivals of cmlora, each with options that are not its defaults."""
    triggers = [
        {"id": SPLIT[0].name, "phrases": ["red fox"]},
        {"id": SPLIT[1].name, "phrases": ["Masterpiece", "digital painting"]},
        {"id": SPLIT[3].name, "phrases": ["snow"]},
    ]
    found = [{"id": l.name, "weight": w} for l, w in zip(FOUR, (1.4, -0.6, 0, 0.9), strict=True)]
    tiny = {"size": (64, 64)}
    return [
        small("merge4-scale", FOUR, {"method": "merge", "scale": 0.6}, **tiny),
        small("lorahub4", FOUR, {"method": "lorahub", "weights": found}, **tiny),
        small("switch-a4", SPLIT, {"method": "switch-a", "tau": 3}, **tiny),
        small("w-switch4", SPLIT, {"method": "w-switch", "triggers": triggers, "tau": 4}, **tiny),
        small("w-composite4", SPLIT, {"method": "w-composite", "triggers": triggers}, **tiny),
        small("delta-composite4", SPLIT, {"method": "delta-composite", "scale": 0.6}, **tiny),
        small("delta-composite2-base", TWO, {"method": "delta-composite", "uncond": "base", "text_encoder": "all"}, **tiny),
        small("loratorio-like4", SPLIT, {"method": "loratorio-like", "patches": 3, "temperature": 0.02}, **tiny),
    ]


PICTURES = [
    Picture("none-square", [], NONE),
    Picture("none-tall-euler", [], NONE, TALL, "euler", seed=2**32 - 1),
    Picture("merge1-square", ONE, NONE),
    Picture("merge1-tall-euler", ONE, NONE, TALL, "euler", seed=7),
    Picture("merge4-square", FOUR, NONE),
    Picture("merge4-tall", FOUR, NONE, TALL),
    Picture("merge4-square-euler", FOUR, NONE, sampler="euler", seed=1, prompt="the night sky over a city of glass"),
    Picture("composite4-square", FOUR, {"method": "composite", "text_encoder": "own"}),
    Picture("switch4-square", FOUR, {"method": "switch", "text_encoder": "own"}),
    Picture("cmlora1-square", ONE, cmlora(refresh=refresh("oldest_first", every=1), cut=INNER)),
    Picture("cmlora2-all", TWO, cmlora(refresh=refresh("all"), cut="none")),
    Picture("cmlora2-every1-inner", TWO, cmlora(refresh=refresh("oldest_first", every=1, max_age=6), cut=INNER)),
    Picture("cmlora2-every2-outer", TWO, cmlora(refresh=refresh("oldest_first", every=2, max_age=8), cut="outer")),
    Picture(
        "cmlora2-low-first-euler",
        TWO,
        cmlora(direction="low_first", late_set="all", refresh=refresh("on_turn", max_age=5), cut="outer"),
        sampler="euler",
    ),
    Picture("cmlora4-all", FOUR, cmlora(refresh=refresh("all"), cut="none")),
    Picture("cmlora4-every1-inner", FOUR, cmlora(refresh=refresh("oldest_first", every=1, max_age=6), cut=INNER)),
    Picture(
        "cmlora4-default-age",
        FOUR,
        cmlora(refresh=refresh("oldest_first", every=1), cut=INNER),
        seed=3,
        prompt="the night sky over a city of glass",
    ),
    Picture("cmlora4-every2-outer", FOUR, cmlora(refresh=refresh("oldest_first", every=2, max_age=8), cut="outer")),
    Picture("cmlora4-on-turn-inner", FOUR, cmlora(refresh=refresh("on_turn", max_age=9), cut=INNER)),
    Picture("cmlora4-leader-outer", FOUR, cmlora(refresh=refresh("leader"), cut="outer")),
    Picture(
        "cmlora4-geometric-tall",
        SPLIT,
        cmlora(
            weights={"initial": "n_minus_half", "decay": "geometric", "floor": 1},
            refresh=refresh("oldest_first", every=1, max_age=5, warm_up=3, forced_end=2),
            cut=INNER,
        ),
        TALL,
    ),
    Picture(
        "cmlora4-geometric-wide-euler",
        SPLIT,
        cmlora(
            phase_at=0.4,
            late_set="all_but_first",
            turn={"near": 1, "middle": 4, "bounds": [0.25, 0.75]},
            weights={"initial": 6, "decay": "geometric", "floor": 5.25},
            refresh=refresh("oldest_first", every=2),
            cut="outer",
        ),
        WIDE,
        "euler",
    ),
    Picture(
        "cmlora4-interleaved-text-all",
        SPLIT,
        cmlora(direction="interleaved", text_encoder="all", refresh=refresh("oldest_first", every=1, max_age=6), cut=INNER),
    ),
    *grid(),
    small("merge4-text-none", FOUR, {"method": "merge", "text_encoder": "none"}),
    small("composite5-text-all", FIVE, {"method": "composite", "text_encoder": "all"}),
    small("switch3-text-first", FIVE[:3], {"method": "switch", "text_encoder": "first"}),
    small("switch5-text-none-euler", FIVE, {"method": "switch", "tau": 2, "text_encoder": "none"}, sampler="euler"),
    small("cmlora5-quality", FIVE, cmlora(preset="quality")),
    small("cmlora3-quality-wide", FIVE[1:4], cmlora(), size=SMALL_WIDE),
    small("cmlora4-fast", SPLIT, cmlora(preset="fast")),
    small("cmlora5-fast-tall", FIVE, cmlora(preset="fast", refresh=refresh("oldest_first", max_age=9)), size=SMALL_TALL),
    small("cmlora4-reference", SPLIT, cmlora(preset="reference")),
    small(
        "cmlora4-low-first-text-none",
        SPLIT,
        cmlora(direction="low_first", text_encoder="none", cut={"level": 0, "layers": 2}),
    ),
    # Long ages and a cut far out: where the base feature is as of now and the LoRA's part is old, delta differs from feature most.
    small("cmlora4-delta-outer", SPLIT, cmlora(cache="delta", refresh=refresh("on_turn", max_age=9), cut="outer")),
    small(
        "cmlora4-delta-deep",
        SPLIT,
        cmlora(cache="delta", refresh=refresh("leader", max_age=9), cut={"level": 1, "layers": 3}),
    ),
    small(
        "cmlora4-base-uncond",
        SPLIT,
        cmlora(uncond="base", refresh=refresh("oldest_first", every=3, max_age=8), cut={"level": 1, "layers": 1}),
    ),
    small("cmlora1-base-uncond", ONE, cmlora(uncond="base")),
    small(
        "cmlora4-delta-base-interleaved",
        SPLIT,
        cmlora(
            direction="interleaved",
            text_encoder="all",
            cache="delta",
            uncond="base",
            refresh=refresh("oldest_first", every=2, max_age=9),
        ),
        sampler="euler",
    ),
    *rivals(),
    small("cmlora4-delta-unguided", SPLIT, cmlora(preset="fast", cache="delta", uncond="base"), guidance_scale=1.0),
]
