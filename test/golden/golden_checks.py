"""What must hold of the data itself, so that it can fail a wrong implementation and fits the repository."""

from golden_paths import ROOT

LARGEST_BYTES = 12_000_000


def check_all() -> None:
    files = [path for path in ROOT.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    size = sum(path.stat().st_size for path in files)
    assert size <= LARGEST_BYTES, f"test/golden is {size} bytes; at most {LARGEST_BYTES} are allowed"
    print(f"{len(files)} files, {size / 1e6:.2f} MB")
