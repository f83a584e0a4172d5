#!/usr/bin/env python3
"""Functions of Rensa and of PyTorch, forward and backward, in turns, and markdown tables of the ratios.

    python benchmarks/compare_functions.py --rensa build/release/benchmarks/functions [--threads 2] [--rounds 5] [--only NAME] [--peak]

Run it with the Python that has PyTorch, on a machine that does nothing else. A round starts each program once. "of a copy" is
the speed at which a case moves the bytes that it must (every operation by itself), in parts of the bandwidth of a copy in the
same run; it means something where the arrays do not fit the caches. --peak adds the peak memory of one call with 10^7 elements.
"""

import argparse
import collections
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys

RIVAL = pathlib.Path(__file__).with_name("rivals") / "pytorch_functions.py"


def lines(command, threads):
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": str(threads)}, capture_output=True, text=True, timeout=1800)
    if done.returncode:
        raise SystemExit(f"failed ({done.returncode}): {' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def spread(values):
    return f"{statistics.median(values):.4g} [{min(values):.4g}, {max(values):.4g}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rensa", required=True, help="path of benchmarks/functions")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only")
    parser.add_argument("--peak", action="store_true")
    o = parser.parse_args()
    only = ["--only", o.only] if o.only else []
    own, rival, moved = collections.defaultdict(list), collections.defaultdict(list), {}
    copies = []
    for _ in range(o.rounds):
        for line in lines([o.rensa, *only], o.threads):
            if "copy_bytes_per_s" in line:
                copies.append(line["copy_bytes_per_s"])
                continue
            key = line["case"], line["elements"]
            own[key].append(line["us"])
            moved[key] = line["bytes"]
        for line in lines([sys.executable, str(RIVAL), *only], o.threads):
            rival[line["case"], line["elements"]].append(line["us"])
    assert own.keys() == rival.keys(), own.keys() ^ rival.keys()

    print("| function | elements | PyTorch us | Rensa us | Rensa is faster by | of a copy |")
    print("|---|---|---|---|---|---|")
    ratios = {}
    for key in own:
        mine = statistics.median(own[key])
        ratios[key] = statistics.median(rival[key]) / mine
        share = f"{moved[key] / mine * 1e6 / statistics.median(copies):.2f}" if copies and moved[key] and key[1] > 10**6 else ""
        print(f"| {key[0]} | {key[1]} | {spread(rival[key])} | {spread(own[key])} | {ratios[key]:.2f} | {share} |")
    mean = math.exp(statistics.fmean(math.log(r) for r in ratios.values()))
    slower = sorted((r, *key) for key, r in ratios.items() if r < 1)
    print(f"\nGeometric mean {mean:.2f}; {len(slower)} of {len(ratios)} below 1: "
          + ", ".join(f"{name} at {elements} ({r:.2f})" for r, name, elements in slower))
    if copies:
        print(f"A copy moves {spread([c / 1e9 for c in copies])} GB/s.")

    if o.peak:
        print("\n| function, 10^7 elements | PyTorch MiB | Rensa MiB |\n|---|---|---|")
        for name in dict.fromkeys(case for case, elements in own if elements > 10**6 and (o.only in (None, case))):
            peaks = [lines([*program, "--only", name, "--elements", "10000000", "--peak"], o.threads)
                     for program in ([sys.executable, str(RIVAL)], [o.rensa])]
            if all(peaks):
                print(f"| {name} | " + " | ".join(f"{found[0]['peak_bytes'] / 2**20:.0f}" for found in peaks) + " |")


if __name__ == "__main__":
    main()
