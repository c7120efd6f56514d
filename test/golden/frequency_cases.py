"""expected/frequency.json: spectra and radial statistics by numpy, written from cmlora.md A.2 and A.5.

The planes are whole numbers from a formula, so that no input has to be kept: z(row, column) = (3 c^2 + 7 r + 5 r c + k r^2) mod 17 - 8.
"""

import numpy as np

from golden_paths import EXPECTED
from manifest import write_json, write_section

SHOWN = [[8, 8], [7, 13], [9, 15]]  # sizes whose coefficients are kept too
SIZES = [*SHOWN, [8, 12], [16, 16], [12, 20], [17, 31], [64, 64], [96, 128], [128, 96]]
LARGE = [[512, 512], [509, 512]]  # their profiles are long: only the statistics are kept
ALPHA = 0.2


def write_frequency_cases() -> None:
    cases = [case(height, wide) for height, wide in [*SIZES, *LARGE]]
    shares = [share_case(size) for size in SIZES]
    papers = [paper_case(size) for size in SIZES]
    write_json(EXPECTED / "frequency.json", {"planes": cases, "shares": shares, "papers": papers})
    write_section("frequency", {"file": "frequency.json", "dtype": "float64, 10 digits", "numpy": np.__version__})


def plane(height: int, wide: int, kind: int = 1) -> np.ndarray:
    row, column = np.mgrid[:height, :wide]
    return ((3 * column**2 + 7 * row + 5 * row * column + kind * row**2) % 17 - 8).astype(np.float64)


def case(height: int, wide: int) -> dict:
    z = plane(height, wide)
    spectrum = np.fft.fft2(z)
    raw = radial_mean(np.abs(np.fft.fftshift(spectrum)))
    log = radial_mean(np.log(np.abs(np.fft.fftshift(spectrum)) + 1e-8))
    kept = {"height": height, "width": wide, "largest_radius": len(raw) - 1}
    if [height, wide] in SHOWN:
        kept |= {"re": numbers(spectrum.real), "im": numbers(spectrum.imag)}
    if [height, wide] not in LARGE:
        kept |= {"raw": numbers(raw), "log": numbers(log)}
    return kept | {"m_raw": number(statistic(raw)), "m_log": number(statistic(log))}


def share_case(size: list[int]) -> dict:
    """Class score and spectrum of a difference of three planes: A.5, channels summed."""
    planes = np.stack([plane(*size, kind) for kind in (1, 2, 3)])
    energy = np.sum(np.abs(np.fft.fftshift(np.fft.fft2(planes), axes=(-2, -1))) ** 2, axis=0)
    radius = radii(*size)
    sums = np.bincount(radius.ravel(), weights=energy.ravel())
    sums[0] = 0
    first = int(np.ceil(ALPHA * (len(sums) - 1)))
    return {"height": size[0], "width": size[1], "score": number(sums[first:].sum() / sums.sum())}


def paper_case(size: list[int]) -> dict:
    """The authors' statistics of a latent (mean of four channels) and of a picture (mean of red, green, blue, as uint8)."""
    latent = np.mean([plane(*size, kind) for kind in (1, 2, 3, 4)], axis=0)
    grey = np.mean([14 * plane(*size, kind) + 120 for kind in (1, 2, 3)], axis=0).astype(np.uint8)
    return {
        "height": size[0],
        "width": size[1],
        "latent_raw": number(statistic(radial_mean(np.abs(np.fft.fftshift(np.fft.fft2(latent)))))),
        "latent_log": number(statistic(radial_mean(np.log(np.abs(np.fft.fftshift(np.fft.fft2(latent))) + 1e-8)))),
        "picture": number(statistic(radial_mean(np.log(np.abs(np.fft.fftshift(np.fft.fft2(grey))) + 1e-8)))),
    }


def radii(height: int, wide: int) -> np.ndarray:
    row, column = np.mgrid[:height, :wide]
    return np.floor(np.sqrt((column - wide // 2) ** 2 + (row - height // 2) ** 2)).astype(int)


def radial_mean(values: np.ndarray) -> np.ndarray:
    radius = radii(*values.shape).ravel()
    return np.bincount(radius, weights=values.ravel()) / np.bincount(radius)


def statistic(profile: np.ndarray) -> float:
    normalised = profile / profile.max()
    return float(normalised[int(np.ceil(ALPHA * (len(profile) - 1))) :].mean())


def numbers(values: np.ndarray) -> list[float]:
    return [number(value) for value in np.asarray(values).ravel()]


def number(value: float) -> float:
    """A value that is 0 but for rounding would differ from machine to machine."""
    return 0.0 if abs(value) < 1e-9 else float(f"{value:.10g}")
