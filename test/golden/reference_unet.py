"""One U-Net pass at a cut (cmlora.md C.1) on top of diffusers' modules: full with its feature, or reuse of a feature.

The full pass is diffusers' own forward; the feature is caught on its way. The reuse pass is written out.
"""

import torch
from diffusers import UNet2DConditionModel


def cut_of(name: str | dict) -> tuple[int, int] | None:
    """`outer` is {level 0, layers 1}; None means that nothing is kept."""
    if name == "none":
        return None
    return (0, 1) if name == "outer" else (name["level"], name["layers"])


def full_pass(unet: UNet2DConditionModel, x, timestep, text, cut) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The prediction, and the feature at the cut."""
    if cut is None:
        return unet(x, timestep, text).sample, None
    caught = []
    first = lambda output: output[0] if isinstance(output, tuple) else output
    handle = source_of_feature(unet, cut).register_forward_hook(lambda _m, _i, output: caught.append(first(output)))
    prediction = unet(x, timestep, text).sample
    handle.remove()
    (feature,) = caught
    return prediction, feature


def source_of_feature(unet: UNet2DConditionModel, cut: tuple[int, int]) -> torch.nn.Module:
    """The module whose output enters the cut's resnet, before the skip is concatenated."""
    up_index, resnet_index = cut_position(unet, cut)
    block = unet.up_blocks[up_index]
    if resnet_index > 0:
        layers = getattr(block, "attentions", None) or block.resnets
        return layers[resnet_index - 1]
    return unet.up_blocks[up_index - 1] if up_index > 0 else unet.mid_block


def cut_position(unet: UNet2DConditionModel, cut: tuple[int, int]) -> tuple[int, int]:
    level, layers = cut
    return len(unet.up_blocks) - 1 - level, unet.config.layers_per_block + 1 - layers


def reuse_pass(unet: UNet2DConditionModel, x, timestep, text, cut: tuple[int, int], feature: torch.Tensor) -> torch.Tensor:
    """The outer blocks alone, on the current latent, timestep and text, around an old feature."""
    level, layers = cut
    embedding = unet.time_embedding(unet.time_proj(timestep.expand(len(x))).to(x.dtype))
    skips = first_skips(unet, x, embedding, text, level * (unet.config.layers_per_block + 1) + layers)
    first_block, first_resnet = cut_position(unet, cut)
    hidden = feature
    for block_index in range(first_block, len(unet.up_blocks)):
        block = unet.up_blocks[block_index]
        for index in range(first_resnet if block_index == first_block else 0, len(block.resnets)):
            hidden = layer(block, index, torch.cat([hidden, skips.pop()], dim=1), embedding, text)
        for upsampler in block.upsamplers or []:
            hidden = upsampler(hidden)
    assert not skips, "every skip that was computed is consumed"
    return unet.conv_out(unet.conv_act(unet.conv_norm_out(hidden)))


def first_skips(unet: UNet2DConditionModel, x, embedding, text, count: int) -> list[torch.Tensor]:
    """The first `count` skips that the down path makes, and nothing beyond them."""
    hidden = unet.conv_in(x)
    skips = [hidden]
    for block in unet.down_blocks:
        for index in range(len(block.resnets)):
            if len(skips) == count:
                return skips
            hidden = layer(block, index, hidden, embedding, text)
            skips.append(hidden)
        if len(skips) == count:
            return skips
        for downsampler in block.downsamplers or []:
            hidden = downsampler(hidden)
            skips.append(hidden)
    return skips


def layer(block, index: int, hidden, embedding, text) -> torch.Tensor:
    hidden = block.resnets[index](hidden, embedding)
    if getattr(block, "attentions", None):
        hidden = block.attentions[index](hidden, encoder_hidden_states=text, return_dict=False)[0]
    return hidden
