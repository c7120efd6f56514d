"""The learning rate of a run: warm-up, a level stretch, and a linear descent to nothing."""

WARM_UP_STEPS = 100
DESCENT_SHARE = 0.35


def learning_rate(peak: float, progress: float, step: int) -> float:
    """progress: 0 at the start of the run, 1 at its end (by steps or by the clock)."""
    descent = min(1.0, (1 - progress) / DESCENT_SHARE)
    return peak * min(1.0, (step + 1) / WARM_UP_STEPS) * max(descent, 0.01)
