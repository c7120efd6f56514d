"""`mode: online` and `parity: reference` in plain Python, from cmlora.md B.3, B.4, B.7 and A.2, apart from the TypeScript.

Numbers in brackets are those of CMLORA-DECISIONS.md. A run is a machine: give it the band of the latent before each
evaluation, and it says what that evaluation runs.
"""

from dataclasses import dataclass, field

import numpy as np

from reference_cmlora import Options, Phase, dominance, full_passes, order_of, phases_of, turn_length

LEAST_DWELL = 5
RETURN_AT = 1.1
REFERENCE_THRESHOLD = 0.4
REFERENCE_RADIUS = 80


def high_band(latent: np.ndarray, is_reference: bool = False) -> float:
    """m of A.2 of a latent [channels, height, width]: raw amplitudes, channels averaged; NaN where the band is empty."""
    plane = latent.astype(np.float64).mean(axis=0)
    height, wide = plane.shape
    row, column = np.mgrid[:height, :wide]
    radius = np.floor(np.hypot(column - wide // 2, row - height // 2)).astype(int)
    amplitude = np.abs(np.fft.fftshift(np.fft.fft2(plane)))
    profile = np.bincount(radius.ravel(), weights=amplitude.ravel()) / np.bincount(radius.ravel())
    first = REFERENCE_RADIUS if is_reference else -(-(len(profile) - 1) // 5)  # ceil of a fifth, in whole numbers
    band = profile[first:] / profile.max()
    return float(band.mean()) if len(band) else float("nan")


@dataclass
class OnlineRun:
    """B.7 with phases by m against g [35] to [37]."""

    high: list[str]
    low: list[str]
    timesteps: list[float]
    options: Options
    threshold: float
    rows: list[dict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.us = [1 - t / 1000 for t in self.timesteps]
        self.order = order_of(self.high, self.low, self.options.direction)
        self.phases: list[Phase] = phases_of(self.high, self.low, self.order, self.us, self.options)
        self.phase, self.dwell = 0, 0
        self.remaining, self.k, self.k_phase = 0, 0, 0
        self.last_full: dict[str, int] = {}

    def row(self, band: float) -> dict:
        evaluation = len(self.rows)
        changed = self.step_phase(band, evaluation)
        leaders = self.phases[self.phase].leaders
        starts = changed or self.remaining == 0
        if starts:
            if evaluation > 0:
                self.k += 1
            self.k_phase = 0 if changed or evaluation == 0 else self.k_phase + 1
            self.remaining = turn_length(self.us[evaluation], self.phases[self.phase], self.options)
        self.remaining -= 1
        turn = {"leader": leaders[self.k_phase % len(leaders)], "k": self.k, "first": starts}
        ages = {j: evaluation - at for j, at in self.last_full.items()}
        full = full_passes(self.order, turn, ages, evaluation, len(self.us), self.options)
        self.last_full |= {j: evaluation for j in full}
        return self.keep(evaluation, band, turn, full)

    def step_phase(self, band: float, evaluation: int) -> bool:
        """True where another phase begins."""
        wanted = 0 if band >= self.threshold * (RETURN_AT if self.phase == 1 else 1) else 1
        changed = evaluation > 0 and wanted != self.phase and self.dwell >= LEAST_DWELL
        if changed:
            self.phase, self.dwell = wanted, 0
        self.dwell += 1
        return changed

    def keep(self, evaluation: int, band: float, turn: dict, full: list[str]) -> dict:
        c = dominance(len(self.order), turn["k"], self.options)
        row = {
            "evaluation": evaluation,
            "timestep": self.timesteps[evaluation],
            "band": None if np.isnan(band) else band,
            "phase": self.phase,
            "leader": turn["leader"],
            "weights": [(c if j == turn["leader"] else 1) / (c + len(self.order) - 1) for j in self.order],
            "full": full,
            "reuse": [j for j in self.order if j not in full],
        }
        self.rows.append(row)
        return row


@dataclass
class ParityRun(OnlineRun):
    """B.3's loop, faults included [38]: `is_online` takes the phase from the band, else from the evaluation."""

    is_online: bool = False

    def row(self, band: float) -> dict:
        i, count = len(self.rows), len(self.timesteps)
        r = len(self.high)
        if not self.low:
            self.phase = 0
        elif self.is_online:
            self.phase = 0 if i == 0 or band >= self.threshold else 1  # NaN is not [G.1]
        else:
            self.phase = 0 if i <= int(self.options.phase_at * count) else 1
        order = self.high + self.low
        refreshed = None
        if i in turn_starts(count, self.options):
            if self.phase == 0:
                refreshed = order[self.k % r]  # in the second phase the list that is emptied is a copy [G.3]
            self.k += 1
        leader = order[(self.k - 1) % r + self.phase]  # [G.8]
        is_cached = self.options.policy != "all" and self.options.cut != "none" and len(order) > 1
        full = [j for j in order if i == 0 or j == refreshed or not is_cached]
        return self.keep(i, band, {"leader": leader, "k": self.k - 1}, full)


def turn_starts(count: int, options: Options) -> set[int]:
    """B.4: uniform where both lengths are the same, else three ranges."""
    near, middle = options.near, options.middle
    if near == middle:
        return set(range(0, count, near))
    a, b = int(options.bounds[0] * count), int(options.bounds[1] * count)
    return {*range(0, a, near), *range(a, b, middle), *range(b, count, near)}
