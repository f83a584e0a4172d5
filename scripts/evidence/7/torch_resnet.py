"""Residual networks in PyTorch under torchvision's names, with random weights and statistics; safetensors by hand.

    python torch_resnet.py make|compare resnet18|resnet50 FOLDER
"""

import json
import pathlib
import struct
import sys

import numpy as np
import torch
from torch import nn

BLOCKS = {"resnet18": (False, (2, 2, 2, 2)), "resnet50": (True, (3, 4, 6, 3))}


class Block(nn.Module):
    def __init__(self, channels, width, stride, bottleneck, eps=1e-5):
        super().__init__()
        out = width * (4 if bottleneck else 1)
        sizes = [(channels, width, 1, 1), (width, width, 3, stride), (width, out, 1, 1)] if bottleneck else [
            (channels, width, 3, stride), (width, out, 3, 1)]
        self.count = len(sizes)
        for i, (a, b, kernel, step) in enumerate(sizes, 1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(b, eps))
        self.downsample = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out, eps))

    def forward(self, x):
        h = x
        for i in range(1, self.count + 1):
            h = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(h))
            if i < self.count:
                h = h.relu()
        return (h + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet(nn.Module):
    """`small`: for 32 pixels, without the first stride and pooling. `first`: channels of the first stage."""

    def __init__(self, name, first=64, classes=1000, small=False, eps=1e-5):
        super().__init__()
        bottleneck, counts = BLOCKS[name]
        self.conv1 = nn.Conv2d(3, first, 3, 1, 1, bias=False) if small else nn.Conv2d(3, first, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(first, eps)
        self.small = small
        channels = first
        for stage, count in enumerate(counts):
            blocks = []
            for i in range(count):
                width = first << stage
                blocks.append(Block(channels, width, 2 if stage and i == 0 else 1, bottleneck, eps))
                channels = width * (4 if bottleneck else 1)
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        h = self.bn1(self.conv1(x)).relu()
        if not self.small:
            h = nn.functional.max_pool2d(h, 3, 2, 1)
        for stage in range(1, 5):
            h = getattr(self, f"layer{stage}")(h)
        return self.fc(h.mean((2, 3)))


TYPES = {torch.float32: "F32", torch.int64: "I64"}


def save(tensors, path):
    header, place = {}, 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [place, place + size]}
        place += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.contiguous().numpy().tobytes())


def load(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    kinds = {"F32": np.float32, "I64": np.int64}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        tensors[name] = torch.from_numpy(np.frombuffer(data[8 + length :][begin:end], kinds[entry["dtype"]]).reshape(entry["shape"]).copy())
    return tensors


def main():
    action, name, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    torch.manual_seed(5)
    model = ResNet(name)
    if action == "make":
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):  # a trained network's are not 0 and 1 either
                nn.init.normal_(module.running_mean, 0, 0.1)
                nn.init.uniform_(module.running_var, 0.5, 2)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, 0, 0.1)
        x = torch.randn(2, 3, 224, 224)
        with torch.no_grad():
            y = model.eval()(x)
        save(model.state_dict(), folder / f"{name}.safetensors")
        np.savez(folder / f"{name}.x.npz", x=x.numpy())
        np.save(folder / f"{name}.expected.npy", y.numpy())
        return
    x = torch.from_numpy(np.load(folder / f"{name}.x.npz")["x"])
    expected, found = np.load(folder / f"{name}.expected.npy"), np.load(folder / f"{name}.y.npz")["y"]
    model.load_state_dict(load(folder / f"{name}.ours.safetensors"), strict=True)
    with torch.no_grad():
        back = model.eval()(x).numpy()
    scale = np.abs(expected).max()
    there, and_back = np.abs(found - expected).max() / scale, np.abs(back - expected).max() / scale
    print(f"{name}: largest logit {scale:.3f}; PyTorch's weights here differ by {there:.1e} of it, ours loaded back there by {and_back:.1e}")
    assert there < 1e-4 and and_back < 1e-4


if __name__ == "__main__":
    main()
