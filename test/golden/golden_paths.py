"""Where the golden data lies: every other module asks here, so that the layout is in one place."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent
CLIP_MERGES = ROOT / "clip" / "bpe_simple_vocab_16e6.txt.gz"
CHECKPOINT = ROOT / "checkpoint"
LORAS = ROOT / "loras"
CLIP_MODEL = ROOT / "clip-model"
BAD_LORAS = LORAS / "bad"
EXPECTED = ROOT / "expected"
PICTURES = EXPECTED / "pictures"
PLANS = EXPECTED / "plans"
