#!/usr/bin/env python3
"""Makes tests/golden/vision_transformer.npz (x, y) and two .safetensors files of weights, from torchvision.

    python scripts/oracle/make_vision_transformer_goldens.py [--out tests/golden]

The network is torchvision's VisionTransformer, small: 24 pixels, patches of 8, 12 features, 2 blocks of 3 heads. The
weights are written under torchvision's names and once more under timm's.
"""

import argparse
import json
import pathlib
import struct

import numpy as np
import torch
from torchvision.models import VisionTransformer

from npz_file import write

TIMM = {
    "class_token": "cls_token",
    "encoder.pos_embedding": "pos_embed",
    "conv_proj.weight": "patch_embed.proj.weight",
    "conv_proj.bias": "patch_embed.proj.bias",
    "encoder.ln.weight": "norm.weight",
    "encoder.ln.bias": "norm.bias",
    "heads.head.weight": "head.weight",
    "heads.head.bias": "head.bias",
}
TIMM_IN_BLOCK = {
    "ln_1.weight": "norm1.weight",
    "ln_1.bias": "norm1.bias",
    "self_attention.in_proj_weight": "attn.qkv.weight",
    "self_attention.in_proj_bias": "attn.qkv.bias",
    "self_attention.out_proj.weight": "attn.proj.weight",
    "self_attention.out_proj.bias": "attn.proj.bias",
    "ln_2.weight": "norm2.weight",
    "ln_2.bias": "norm2.bias",
    "mlp.0.weight": "mlp.fc1.weight",
    "mlp.0.bias": "mlp.fc1.bias",
    "mlp.3.weight": "mlp.fc2.weight",
    "mlp.3.bias": "mlp.fc2.bias",
}


def timm_name(name):
    start = "encoder.layers.encoder_layer_"
    if not name.startswith(start):
        return TIMM[name]
    number, _, part = name.removeprefix(start).partition(".")
    return f"blocks.{number}.{TIMM_IN_BLOCK[part]}"


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        bytes_ = np.ascontiguousarray(tensor.numpy(), dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(bytes_)]}
        data += bytes_
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = pathlib.Path(__file__).resolve().parent
    parser.add_argument("--out", type=pathlib.Path, default=here.parent.parent / "tests/golden")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = VisionTransformer(
        image_size=24, patch_size=8, num_layers=2, num_heads=3, hidden_dim=12, mlp_dim=20, num_classes=5
    ).eval()
    with torch.no_grad():
        for parameter in network.parameters():  # zeros and ones would hide mistakes
            parameter.add_(torch.randn_like(parameter) * 0.2)
        x = torch.randn(3, 3, 24, 24)
        y = network(x)
    write(options.out / "vision_transformer.npz", {"x": x.numpy(), "y": y.numpy()})
    weights = network.state_dict()
    write_safetensors(options.out / "vision_transformer.safetensors", weights)
    write_safetensors(options.out / "vision_transformer_timm.safetensors", {timm_name(n): w for n, w in weights.items()})


if __name__ == "__main__":
    main()
