"""Where training keeps what is not committed, and how it survives being stopped at any moment.

Every script takes --work FOLDER. A state is written to a temporary name and then renamed, so a
reader or a resumed run sees either the old state or the new one, never half of one.
"""

import argparse
import os
import time
from pathlib import Path

import torch

SAVE_EVERY_S = 120.0


def parser(description: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--work", type=Path, default=Path("demo-work"), help="folder for pools and training states")
    made.add_argument("--device", default="cpu", help="cpu or cuda")
    made.add_argument("--threads", type=int, default=torch.get_num_threads())
    return made


def save_state(state: dict, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load_state(path: Path) -> dict | None:
    return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else None


class Pace:
    """Tells when to save, and how fast training goes."""

    def __init__(self) -> None:
        self.saved_at = self.logged_at = time.monotonic()

    def is_save_due(self) -> bool:
        due = time.monotonic() - self.saved_at > SAVE_EVERY_S
        if due:
            self.saved_at = time.monotonic()
        return due

    def seconds_since_log(self) -> float:
        now = time.monotonic()
        passed, self.logged_at = now - self.logged_at, now
        return passed
