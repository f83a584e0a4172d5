#!/usr/bin/env python3
"""Times JPEG bytes to a normalized float sample, one thread: random-resized crop to --size, flip, normalize.

    python benchmarks/rivals/decode_and_augment.py --data FOLDER --library torchvision|torchvision_jpeg|opencv|dali

torchvision: Pillow decodes, torchvision's transforms on Pillow pictures. torchvision_jpeg: torchvision.io.decode_jpeg and the
transforms on tensors. opencv: cv2.imdecode, crop, cv2.resize. dali: NVIDIA DALI's CPU operators with the fused
decode-and-crop. Prints one JSON object: images_per_second is the median over the passes.
"""

import argparse
import io
import pathlib
import statistics
import time

import measure
import numpy as np

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def torchvision(size):
    import PIL.Image
    import torch
    from torchvision.transforms import v2

    torch.set_num_threads(1)
    transform = v2.Compose([
        v2.RandomResizedCrop(size), v2.RandomHorizontalFlip(), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(MEAN, STD),
    ])  # fmt: skip
    return lambda data: transform(PIL.Image.open(io.BytesIO(data)).convert("RGB"))


def torchvision_jpeg(size):
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg
    from torchvision.transforms import v2

    torch.set_num_threads(1)
    transform = v2.Compose([
        v2.RandomResizedCrop(size, antialias=True), v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(MEAN, STD),
    ])  # fmt: skip
    return lambda data: transform(decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), ImageReadMode.RGB))


def random_box(rng, height, width):
    """torchvision's RandomResizedCrop.get_params."""
    for _ in range(10):
        area = height * width * rng.uniform(0.08, 1.0)
        ratio = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
        w, h = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
        if 0 < w <= width and 0 < h <= height:
            return int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1)), h, w
    side = min(height, width)
    return (height - side) // 2, (width - side) // 2, side, side


def opencv(size):
    import cv2

    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    scale = np.float32(1 / 255) / np.asarray(STD, np.float32)
    shift = -np.asarray(MEAN, np.float32) / np.asarray(STD, np.float32)

    def one(data):
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        top, left, height, width = random_box(rng, *picture.shape[:2])
        crop = picture[top : top + height, left : left + width]
        crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA if min(height, width) > size else cv2.INTER_LINEAR)
        if rng.random() < 0.5:
            crop = cv2.flip(crop, 1)
        return cv2.cvtColor(crop, cv2.COLOR_BGR2RGB).astype(np.float32) * scale + shift

    return one


def time_dali(pictures, size, repetitions):
    from nvidia.dali import fn, pipeline_def, types

    batch = len(pictures)

    @pipeline_def(batch_size=batch, num_threads=1, device_id=None)
    def pipeline():
        data = fn.external_source(source=lambda: [np.frombuffer(p, np.uint8) for p in pictures])
        crop = fn.decoders.image_random_crop(data, device="cpu", output_type=types.RGB)
        crop = fn.resize(crop, size=(size, size))
        return fn.crop_mirror_normalize(
            crop, mirror=fn.random.coin_flip(), mean=[m * 255 for m in MEAN], std=[s * 255 for s in STD]
        )

    pipe = pipeline(prefetch_queue_depth=1)
    pipe.build()
    pipe.run()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        pipe.run()
        times.append(time.perf_counter() - start)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--library", choices=("torchvision", "torchvision_jpeg", "opencv", "dali"), required=True)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repetitions", type=int, default=3)
    o = parser.parse_args()
    files = sorted(p for p in o.data.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    pictures = [p.read_bytes() for p in files]
    if o.library == "dali":
        times = time_dali(pictures, o.size, o.repetitions)
    else:
        one = {"torchvision": torchvision, "torchvision_jpeg": torchvision_jpeg, "opencv": opencv}[o.library](o.size)
        times = []
        for repetition in range(o.repetitions + 1):
            start = time.perf_counter()
            for data in pictures:
                one(data)
            if repetition > 0:  # the first pass warms up
                times.append(time.perf_counter() - start)
    rates = [len(pictures) / t for t in times]
    measure.report(library=o.library, images_per_second=statistics.median(rates), min=min(rates), max=max(rates))


if __name__ == "__main__":
    main()
