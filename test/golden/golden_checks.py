"""What must hold of the data itself, so that it can fail a wrong implementation and fits the repository.

Checks that belong to one stage are made there (shares of LoRAs in model_cases.py, pictures in picture_cases.py).
"""

import torch

from golden_paths import ROOT
from model_inputs import unet_case_inputs
from random_checkpoint import load_pipeline
from reference_unet import full_pass, reuse_pass

LARGEST_BYTES = 12_000_000
CUTS = [(0, 1), (0, 2), (0, 3), (1, 1), (1, 3)]


def check_all() -> None:
    pipeline = load_pipeline()
    check_reuse_is_exact(pipeline)
    check_text_and_time_matter(pipeline)
    check_size()


@torch.no_grad()
def check_reuse_is_exact(pipeline) -> None:
    """The reference's own invariant: a reuse pass around a fresh feature is the full pass, at every cut."""
    inputs = unet_case_inputs(pipeline)["wide"]
    x, text, timestep = inputs["sample"], inputs["encoder_hidden_states"], torch.tensor(301)
    for cut in CUTS:
        prediction, feature = full_pass(pipeline.unet, x, timestep, text, cut)
        again = reuse_pass(pipeline.unet, x, timestep, text, cut, feature)
        assert (again - prediction).abs().max() < 1e-5, f"cut {cut}: reuse differs from full"


@torch.no_grad()
def check_text_and_time_matter(pipeline) -> None:
    inputs = unet_case_inputs(pipeline)["square"]
    x, text = inputs["sample"], inputs["encoder_hidden_states"]
    run = lambda timestep, states: pipeline.unet(x, torch.tensor(timestep), states).sample
    base = run(501, text)
    share = lambda other: ((other - base).std() / base.std()).item()
    by_text, by_time = share(run(501, text.flip(0))), share(run(601, text))
    print(f"another text moves the U-Net's output by {by_text:.2f}, another timestep by {by_time:.2f}")
    assert by_text > 0.1 and by_time > 0.02, "text or timestep hardly matters"


def check_size() -> None:
    files = [path for path in ROOT.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    size = sum(path.stat().st_size for path in files)
    assert size <= LARGEST_BYTES, f"test/golden is {size} bytes; at most {LARGEST_BYTES} are allowed"
    print(f"{len(files)} files, {size / 1e6:.2f} MB")
