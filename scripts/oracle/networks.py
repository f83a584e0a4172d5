"""The networks that Rensa and PyTorch are compared on, written for PyTorch.

They are the oracle of the golden numbers (scripts/oracle) and the rival of the benchmarks (benchmarks/rivals).
Layouts follow torchvision (ResNet v1.5) and Chainer's examples (MLP, a VGG-like network for CIFAR).
"""

import torch
from torch import nn


class Mlp(nn.Module):
    """Chainer's MNIST example: three linear layers, `units` wide, with ReLU between them."""

    def __init__(self, units=1000, inputs=784, classes=10):
        super().__init__()
        self.l1 = nn.Linear(inputs, units)
        self.l2 = nn.Linear(units, units)
        self.l3 = nn.Linear(units, classes)

    def forward(self, x):
        x = torch.relu(self.l1(x))
        x = torch.relu(self.l2(x))
        return self.l3(x)


# Output channels of each 3x3 convolution; "M" is a 2x2 max pooling.
VGG_CIFAR_WIDTHS = (64, 64, "M", 128, 128, "M", 256, 256, "M")


class VggCifar(nn.Module):
    """conv3x3 - BN - ReLU blocks with poolings between them, the mean over all pixels, one linear layer."""

    def __init__(self, widths=VGG_CIFAR_WIDTHS, classes=10, eps=1e-5):
        super().__init__()
        layers, channels = [], 3
        for width in widths:
            if width == "M":
                layers.append(nn.MaxPool2d(2))
                continue
            layers += [
                nn.Conv2d(channels, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width, eps=eps),
                nn.ReLU(inplace=True),
            ]
            channels = width
        self.features = nn.Sequential(*layers)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        return self.fc(self.features(x).mean((2, 3)))


def _shortcut(inputs, outputs, stride):
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += shortcut
        return self.relu(y)


class Bottleneck(nn.Module):
    """The stride is in the 3x3 convolution: v1.5, as in torchvision."""

    expansion = 4

    def __init__(self, inputs, width, stride):
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += shortcut
        return self.relu(y)


class ResNet(nn.Module):
    def __init__(self, block, blocks, classes=1000, width=64):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = width
        for stage, count in enumerate(blocks):
            stage_width = width << stage
            layers = []
            for i in range(count):
                stride = 2 if stage > 0 and i == 0 else 1
                layers.append(block(inputs, stage_width, stride))
                inputs = stage_width * block.expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class TransformerBlock(nn.Module):
    """x + attention(ln1(x)), + fc2(gelu(fc1(ln2(x)))), causal."""

    def __init__(self, size, heads):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.qkv, self.out = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.fc1, self.fc2 = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)
        self.heads = heads

    def forward(self, x):
        batch, length, size = x.shape
        parts = self.qkv(self.ln1(x)).split(size, 2)
        q, k, v = (z.view(batch, length, self.heads, size // self.heads).transpose(1, 2) for z in parts)
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, size))
        return x + self.fc2(nn.functional.gelu(self.fc1(self.ln2(x))))


class Gpt(nn.Module):
    """GPT-2's shape: tokens and places, blocks, a normalization, logits (batch x length, words)."""

    def __init__(self, classes=65, layers=4, size=256, length=256):
        super().__init__()
        self.tokens, self.places = nn.Embedding(classes, size), nn.Embedding(length, size)
        self.blocks = nn.Sequential(*(TransformerBlock(size, size // 64) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(size), nn.Linear(size, classes, bias=False)

    def forward(self, x):
        h = self.blocks(self.tokens(x) + self.places(torch.arange(x.shape[1])))
        return self.head(self.norm(h)).flatten(0, 1)


RESNETS = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
    "resnet152": (Bottleneck, (3, 8, 36, 3)),
}


def create(name, **options):
    """A network by the name that `rensa bench step --model` takes."""
    if name == "mlp":
        return Mlp(**options)
    if name == "vgg_cifar":
        return VggCifar(**options)
    if name in RESNETS:
        block, blocks = RESNETS[name]
        return ResNet(block, blocks, **options)
    if name == "gpt":
        return Gpt(**options)
    raise ValueError(f"unknown network '{name}'; known: mlp, vgg_cifar, gpt, {', '.join(RESNETS)}")


def input_shape(name, batch, image_size=32):
    return {"mlp": (batch, 784), "gpt": (batch, 256)}.get(name, (batch, 3, image_size, image_size))
