#!/usr/bin/env python3
"""Makes tests/golden/pictures.npz: what torchvision (with Pillow) makes of pictures, in 8 bits.

    python scripts/oracle/make_picture_goldens.py [--out tests/golden/pictures.npz]

Keys: picture; rand_augment/<operation>/<magnitude>/<+ or -> for RandAugment's operations; <adjustment>/<factor in
thousandths>; crop/<n>/box (top, left, height, width) and crop/<n>/pixels, a resized crop of `large`.
"""

import argparse
import pathlib

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode, RandAugment
from torchvision.transforms import functional as F
from torchvision.transforms.autoaugment import _apply_op

from npz_file import write

BINS = 31
MAGNITUDES = (0, 4, 9, 17, 30)
FACTORS = {
    "brightness": (0.0, 0.4, 0.8, 1.3, 1.9),
    "contrast": (0.0, 0.4, 0.8, 1.3, 1.9),
    "saturation": (0.0, 0.4, 0.8, 1.3, 1.9),
    "sharpness": (0.0, 0.4, 0.8, 1.3, 1.9),
    "hue": (-0.5, -0.21, 0.0, 0.1, 0.37, 0.5),
}
BOXES = ((0, 0, 60, 84), (3, 5, 17, 22), (20, 31, 40, 33), (11, 0, 49, 60), (7, 13, 9, 8))
SIDE = 28


def picture(height, width, seed):
    """Broad colours with fine texture on top, and corners of one colour, which the adjustments treat apart."""
    random = np.random.Generator(np.random.PCG64(seed))
    y, x = np.mgrid[0:height, 0:width]
    planes = [128 + 100 * np.sin(x / (3.0 + c) + y / (5.0 - c) + c) for c in range(3)]
    noisy = np.stack(planes, axis=-1) + random.normal(0, 25, (height, width, 3))
    pixels = np.clip(noisy, 20, 235).astype(np.uint8)
    pixels[:4, :4] = (0, 0, 0)
    pixels[-4:, -4:] = (77, 77, 77)
    return pixels


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = pathlib.Path(__file__).resolve().parent
    parser.add_argument("--out", type=pathlib.Path, default=here.parent.parent / "tests/golden/pictures.npz")
    options = parser.parse_args()
    small, large = picture(20, 26, 1), picture(60, 84, 2)
    arrays = {"picture": small, "large": large}
    image = Image.fromarray(small)
    space = RandAugment()._augmentation_space(BINS, small.shape[:2])
    for name, (levels, signed) in space.items():
        for magnitude in MAGNITUDES:
            level = float(levels[magnitude].item()) if levels.ndim > 0 else 0.0
            for sign in ("+", "-") if signed else ("+",):
                done = _apply_op(image, name, level if sign == "+" else -level, InterpolationMode.NEAREST, fill=None)
                arrays[f"rand_augment/{name}/{magnitude}/{sign}"] = np.asarray(done)
    for name, factors in FACTORS.items():
        adjust = getattr(F, f"adjust_{name}")
        for factor in factors:
            arrays[f"{name}/{round(factor * 1000)}"] = np.asarray(adjust(image, factor))
    for n, box in enumerate(BOXES):
        crop = F.resized_crop(Image.fromarray(large), *box, [SIDE, SIDE], InterpolationMode.BILINEAR, antialias=True)
        arrays[f"crop/{n}/box"] = np.asarray(box, dtype=np.int32)
        arrays[f"crop/{n}/pixels"] = np.asarray(crop)
    write(options.out, arrays)
    print(f"{options.out.name}: {len(arrays)} arrays, {options.out.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
