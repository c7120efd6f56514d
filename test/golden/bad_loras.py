"""Files that must be refused with a message, before any tensor runs. All are small."""

import struct

import torch
from safetensors.torch import save_file

from golden_paths import BAD_LORAS, LORAS

# SDXL's modules in kohya's names (its U-Net keeps the original block names) and widths.
SDXL_MODULES = {
    "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q": (640, 640),
    "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k": (2048, 640),
    "lora_unet_input_blocks_7_1_transformer_blocks_9_ff_net_0_proj": (1280, 10240),
    "lora_unet_middle_block_1_transformer_blocks_0_attn1_to_out_0": (1280, 1280),
    "lora_unet_output_blocks_2_1_transformer_blocks_0_attn2_to_v": (2048, 1280),
    "lora_te1_text_model_encoder_layers_0_self_attn_q_proj": (768, 768),
    "lora_te2_text_model_encoder_layers_31_mlp_fc1": (1280, 5120),
}
# Right names for SD 1.x, but the widths of the real SD 1.5, where this checkpoint has 32.
OTHER_WIDTH_MODULES = {
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q": (320, 320),
    "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k": (768, 1280),
}


def write_bad_loras() -> None:
    BAD_LORAS.mkdir(parents=True, exist_ok=True)
    write_kohya_modules("sdxl", SDXL_MODULES)
    write_kohya_modules("other-width", OTHER_WIDTH_MODULES)
    save_file(
        {
            "model.diffusion.attn.weight": torch.ones([4, 4]),
            "lora_unet_down_blocks_9_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight": torch.ones([2, 32]),
            "lora_unet_down_blocks_9_attentions_0_transformer_blocks_0_attn1_to_q.lora_up.weight": torch.ones([32, 2]),
        },
        BAD_LORAS / "nothing-matches.safetensors",
    )
    whole = (LORAS / "kohya-attention-r4.safetensors").read_bytes()
    header_end = 8 + struct.unpack("<Q", whole[:8])[0]
    # The header is whole and promises tensors that are not there.
    (BAD_LORAS / "truncated.safetensors").write_bytes(whole[: header_end + 1000])
    (BAD_LORAS / "header-claims-2gb.safetensors").write_bytes(struct.pack("<Q", 2 * 1024**3) + b'{"a":')


def write_kohya_modules(name: str, modules: dict[str, tuple[int, int]]) -> None:
    random = torch.Generator("cpu").manual_seed(1)
    tensors = {}
    for module, (width_in, width_out) in modules.items():
        tensors[f"{module}.alpha"] = torch.tensor(1.0, dtype=torch.float16)
        tensors[f"{module}.lora_down.weight"] = torch.randn([1, width_in], generator=random).half()
        tensors[f"{module}.lora_up.weight"] = torch.randn([width_out, 1], generator=random).half()
    save_file(tensors, BAD_LORAS / f"{name}.safetensors")
