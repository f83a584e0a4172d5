#!/usr/bin/env python3
"""Photographs to training samples beside torchvision, OpenCV and DALI, in turns, one core, and a markdown table.

    python benchmarks/compare_input.py --rensa build/release/rensa --data FOLDER... [--repetitions 5]

Every program reads the same JPEG bytes and makes a random-resized crop of 224 pixels, mirrored or not, normalized, as
floats. Run it with the Python that has the rivals; one that it does not have is named and left out. The floor is the
decoder alone on the rows that the crops need. Reported: the median of the repetitions and [least, most], images/s.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

RIVAL = pathlib.Path(__file__).with_name("rivals") / "decode_and_augment.py"
RIVALS = ("torchvision", "torchvision_jpeg", "opencv", "dali")


def lines_of(command):
    done = subprocess.run(["taskset", "-c", "0", *command], capture_output=True, text=True, timeout=900)
    if done.returncode:
        return None, done.stderr.strip().splitlines()[-1:] or ["failed"]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")], None


def cell(values):
    return f"{statistics.median(values):.0f} [{min(values):.0f}, {max(values):.0f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rensa", required=True)
    parser.add_argument("--data", nargs="+", required=True)
    parser.add_argument("--repetitions", type=int, default=5)
    o = parser.parse_args()
    print("| pictures | program | images/s, one core | Rensa is faster by |")
    print("|---|---|---|---|")
    for folder in o.data:
        rates, absent = {}, {}
        for _ in range(o.repetitions):
            ours, error = lines_of([o.rensa, "bench", "input", "--data", folder, "--repeats", "2", "--json"])
            if error:
                raise SystemExit(f"rensa: {error[0]}")
            for line in ours:
                rates.setdefault(line["work"], []).append(line["images_per_second"])
            for rival in RIVALS:
                if rival in absent:
                    continue
                theirs, error = lines_of(
                    [sys.executable, str(RIVAL), "--data", folder, "--library", rival, "--repetitions", "2"]
                )
                if error:
                    absent[rival] = error[0]
                else:
                    rates.setdefault(rival, []).append(theirs[-1]["images_per_second"])
        name = pathlib.Path(folder).name
        own = statistics.median(rates["train"])
        print(f"| {name} | Rensa | {cell(rates['train'])} | |")
        print(f"| {name} | Rensa, validation | {cell(rates['validation'])} | |")
        floor = statistics.median(rates["decode"])
        print(f"| {name} | floor (decoder alone) | {cell(rates['decode'])} | {own / floor:.2f} of it |")
        for rival in RIVALS:
            if rival in rates:
                print(f"| {name} | {rival} | {cell(rates[rival])} | {own / statistics.median(rates[rival]):.2f} |")
            else:
                print(f"| {name} | {rival} | absent: {absent[rival]} | |", flush=True)


if __name__ == "__main__":
    main()
