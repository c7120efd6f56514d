"""Makes everything under test/golden that is not source or CLIP's merge list. See README.md.

    python make_golden.py              all of it, in order
    python make_golden.py samplers     one stage, or several

Run by hand with the versions of requirements.txt, never by npm test. Deterministic: a second run writes the same bytes.
"""

import os
import sys

# torch.randn differs in the last bits between CPU capabilities, and the initial noise of every picture hangs on it.
# Chosen before torch is imported, because torch chooses its code once.
os.environ["ATEN_CPU_CAPABILITY"] = "avx2"
os.environ["HF_HUB_OFFLINE"] = "1"

import quiet  # noqa: E402, F401
import torch  # noqa: E402

from golden_checks import check_all  # noqa: E402
from golden_paths import EXPECTED  # noqa: E402
from manifest import record_versions  # noqa: E402


def checkpoint() -> None:
    from random_checkpoint import write_checkpoint

    write_checkpoint()


def loras() -> None:
    from bad_loras import write_bad_loras
    from lora_files import write_loras
    from random_checkpoint import load_pipeline

    write_loras(load_pipeline())
    write_bad_loras()


def tokens() -> None:
    from token_cases import write_token_cases

    write_token_cases()


def noise() -> None:
    from noise_cases import write_noise_cases

    write_noise_cases()


def models() -> None:
    from model_cases import write_model_cases
    from random_checkpoint import load_pipeline

    write_model_cases(load_pipeline())


def vae_encoder() -> None:
    from model_cases import write_vae_encoder_cases
    from random_checkpoint import load_pipeline

    write_vae_encoder_cases(load_pipeline())


def samplers() -> None:
    from sampler_cases import write_sampler_cases

    write_sampler_cases()


def trajectories() -> None:
    from trajectory_cases import write_trajectory_cases

    write_trajectory_cases()


def frequency() -> None:
    from frequency_cases import write_frequency_cases

    write_frequency_cases()


def clip() -> None:
    from clip_cases import write_clip_cases

    write_clip_cases()


def online() -> None:
    from online_cases import write_online_cases

    write_online_cases()


def pictures() -> None:
    from picture_cases import write_picture_cases

    write_picture_cases()


STAGES = [checkpoint, loras, tokens, noise, models, vae_encoder, samplers, trajectories, frequency, clip, pictures, online, check_all]


def main() -> None:
    torch.set_num_threads(1)  # the tensors are tiny: a second thread would only be waited for
    assert torch.backends.cpu.get_cpu_capability() == "AVX2", "golden data is made with AVX2 code"
    EXPECTED.mkdir(parents=True, exist_ok=True)
    record_versions()
    names = sys.argv[1:] or [stage.__name__ for stage in STAGES]
    stages = {stage.__name__: stage for stage in STAGES}
    for name in names:
        print(f"--- {name}", flush=True)
        stages[name]()


if __name__ == "__main__":
    main()
