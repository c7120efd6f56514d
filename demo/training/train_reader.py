"""Train judge B, or the classifier that training looks at, on true renderings with and without concepts.

    python train_reader.py --work FOLDER --which judge_b --to ../judges/b [--pictures 8192] [--minutes 12]
    python train_reader.py --work FOLDER --which classifier

Half of each batch is blurred, shifted in colour and made noisy, so that a generator's slightly soft
pictures are read as clean ones are. Thresholds are chosen on further true renderings, and measured on others again.
"""

import random
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from concept_sets import concept_labels, rendered_concept_scenes, sample_concept_scenes, slot_targets, visible_slot
from judge_b import save_judge
from muon import Optimizers
from reader import SHAPES, Reader, Reading, read
from schedule import learning_rate
from work_folder import load_state, parser, save_state
from world.concepts import CONCEPTS
from world.scenes import Scenes

BATCH = 64
PEAK_LR = 2e-3
SHARD = 1024
SHIFT_PX = 3
# Each reader's own drawings: to train on, to choose thresholds on, to be measured on.
SEEDS = {"judge_b": (5_000_000, 5_500_000, 6_000_000), "classifier": (9_000_000, 9_500_000, 10_000_000)}
ENDS = ("stem", "concepts", "slots")


def softened(pictures: Tensor) -> Tensor:
    """Blur, tint and noise, each picture its own amount."""
    count = len(pictures)
    amount = torch.rand(count, 1, 1, 1)
    blurred = functional.avg_pool2d(pictures, 3, stride=1, padding=1, count_include_pad=False)
    mixed = torch.lerp(pictures, blurred, amount)
    tinted = mixed * (1 + 0.1 * torch.randn(count, 3, 1, 1)) + 0.04 * torch.randn(count, 3, 1, 1)
    return (tinted + 0.05 * torch.rand(count, 1, 1, 1) * torch.randn_like(pictures)).clamp(0, 1)


def varied(pictures: Tensor) -> Tensor:
    """bytes -> 0..1: half of them softened, all mirrored or not and shifted by a few pixels."""
    batch = pictures.float() / 255
    batch[: len(batch) // 2] = softened(batch[: len(batch) // 2])
    if random.random() < 0.5:
        batch = batch.flip(3)
    left, top = random.randint(0, 2 * SHIFT_PX), random.randint(0, 2 * SHIFT_PX)
    padded = functional.pad(batch, (SHIFT_PX,) * 4, mode="replicate")
    return padded[:, :, top:top + batch.shape[2], left:left + batch.shape[3]]


def loss_of(network: Reader, pictures: Tensor, concepts: Tensor, slots: dict[str, Tensor]) -> Tensor:
    """slots: value index, or -1 where the slot does not show."""
    with torch.autocast(pictures.device.type, torch.bfloat16):
        concept_logits, slot_logits = network(pictures)
    return reading_loss(concept_logits, slot_logits, concepts, slots)


def reading_loss(concept_logits: Tensor, slot_logits: dict[str, Tensor], concepts: Tensor, slots: dict[str, Tensor]) -> Tensor:
    loss = 4 * functional.binary_cross_entropy_with_logits(concept_logits.float(), concepts)
    for slot, logits in slot_logits.items():
        loss = loss + functional.cross_entropy(logits.float(), slots[slot], ignore_index=-1) / len(slot_logits)
    return loss


def choose_thresholds(presence: Tensor, true: Tensor) -> Tensor:
    """For each concept the middle of the thresholds that serve the worse of the two rates (found, left out) best."""
    steps = torch.linspace(0.02, 0.98, 49)
    chosen = []
    for k in range(presence.shape[1]):
        with_it, without = presence[true[:, k], k], presence[~true[:, k], k]
        worse = torch.stack([torch.minimum((with_it >= step).float().mean(), (without < step).float().mean()) for step in steps])
        chosen.append(steps[worse >= worse.max() - 1e-6].median())
    return torch.stack(chosen)


def report(reading: Reading, scenes: Scenes) -> None:
    true = concept_labels(scenes).bool()
    for k, name in enumerate(CONCEPTS):
        if not true[:, k].any():
            continue
        hit, miss = reading.found[true[:, k], k].float().mean(), (~reading.found[~true[:, k], k]).float().mean()
        print(f"  {name:20} found {100 * hit:.1f} %  absent left out {100 * miss:.1f} %")
    every = reading.found[true].float().mean(), (~reading.found[~true]).float().mean()
    print(f"  {'all concepts':20} found {100 * every[0]:.1f} %  absent left out {100 * every[1]:.1f} %")
    for slot, scores in reading.slots.items():
        shown = visible_slot(scenes, slot)
        print(f"  {slot:20} right {100 * (scores.argmax(1) == scenes.slots[slot])[shown].float().mean():.1f} %")


def load_reader(work: Path, which: str) -> tuple[Reader, Tensor]:
    """The trained network and its thresholds."""
    state = load_state(work / f"{which}.pt")
    network = Reader(SHAPES[which])
    network.load_state_dict(state["network"])
    return network.eval(), state["thresholds"]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--which", choices=list(SHAPES), required=True)
    options.add_argument("--to", type=Path, help="folder for judge B's files")
    options.add_argument("--pictures", type=int, default=8192)
    options.add_argument("--minutes", type=float, default=12, help="of the processor's time")
    options.add_argument("--resume", action="store_true", help="start from the network in the work folder")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    train_seed, choose_seed, test_seed = SEEDS[chosen.which]
    torch.manual_seed(train_seed)
    random.seed(train_seed)
    scenes = [sample_concept_scenes(SHARD, train_seed + k) for k in range(chosen.pictures // SHARD)]
    pictures = torch.cat([rendered_concept_scenes(chosen.work, part, train_seed + k) for k, part in enumerate(scenes)])
    concepts = torch.cat([concept_labels(part) for part in scenes])
    parts = [slot_targets(part) for part in scenes]
    slots = {slot: torch.cat([part[slot] for part in parts]) for slot in parts[0]}
    network = (load_reader(chosen.work, chosen.which)[0].train() if chosen.resume else Reader(SHAPES[chosen.which])).to(chosen.device)
    optimizers = Optimizers([network], PEAK_LR, ENDS)
    # Counted in the processor's seconds: other work on the machine then costs time, not quality.
    clock = time.process_time if chosen.device == "cpu" else time.monotonic
    started, step = clock(), 0
    budget_s = chosen.minutes * 60 * (chosen.threads if chosen.device == "cpu" else 1)
    while (progress := (clock() - started) / budget_s) < 1:
        rows = torch.randint(len(pictures), (BATCH,))
        targets = {slot: values[rows].to(chosen.device) for slot, values in slots.items()}
        loss = loss_of(network, varied(pictures[rows]).to(chosen.device), concepts[rows].to(chosen.device), targets)
        loss.backward()
        optimizers.step(learning_rate(PEAK_LR, progress, step))
        step += 1
        if step % 50 == 0:
            print(f"step {step} loss {loss.item():.4f} ({100 * progress:.0f} %)", flush=True)
    network.eval().cpu()
    choosing = sample_concept_scenes(SHARD, choose_seed)
    presence = read(network, rendered_concept_scenes(chosen.work, choosing, choose_seed), torch.zeros(len(CONCEPTS))).presence
    thresholds = choose_thresholds(presence, concept_labels(choosing).bool())
    save_state({"network": network.state_dict(), "thresholds": thresholds}, chosen.work / f"{chosen.which}.pt")
    if chosen.to:
        save_judge(network, thresholds, chosen.to)
    test = sample_concept_scenes(SHARD, test_seed)
    print(f"{SHARD} true renderings, unseen:")
    report(read(network, rendered_concept_scenes(chosen.work, test, test_seed), thresholds), test)


if __name__ == "__main__":
    main()
