"""The diffusion that the model is trained for: v-prediction on SD's scaled-linear schedule.

The schedule ends at beta 0.020, not SD's 0.012: with 0.012 the mean colour of a 16x16 latent still
shows at t = 999, so the model would learn to read it off noise that at sampling time holds nothing.
"""

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor

# Hang et al., 2023 (min-SNR weighting), gamma = 5.
MIN_SNR_GAMMA = 5.0


def make_scheduler() -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.020, beta_schedule="scaled_linear", num_train_timesteps=1000,
        prediction_type="v_prediction", timestep_spacing="trailing", clip_sample=False, set_alpha_to_one=False, steps_offset=1,
    )


def diffusion_loss(unet: UNet2DConditionModel, scheduler: DDIMScheduler, latents: Tensor, words: Tensor, timesteps: Tensor, noise: Tensor) -> Tensor:
    """latents [n, c, h, w] clean; words [n, 77, width]; timesteps [n]; noise like latents."""
    alpha_bar = scheduler.alphas_cumprod.to(latents.device)[timesteps]
    signal, sigma = (alpha_bar.sqrt()[:, None, None, None], (1 - alpha_bar).sqrt()[:, None, None, None])
    with torch.autocast(latents.device.type, torch.bfloat16):
        predicted = unet(signal * latents + sigma * noise, timesteps, words).sample.float()
    velocity = signal * noise - sigma * latents
    snr = alpha_bar / (1 - alpha_bar)
    weight = snr.clamp(max=MIN_SNR_GAMMA) / (snr + 1)
    return (weight * (predicted - velocity).pow(2).mean((1, 2, 3))).mean()
