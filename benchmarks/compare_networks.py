#!/usr/bin/env python3
"""Rensa's and PyTorch's steps of recurrent, attention and generating networks in turns, and a markdown table of the ratios.

    python benchmarks/compare_networks.py --rensa build/release/benchmarks/networks [--only char_lstm] [--threads 2]
                                          [--repetitions 3]

Run it with the Python that has PyTorch, on a machine that does nothing else. A repetition starts Rensa's program once and PyTorch's
once with each form of its optimizer (default, foreach, fused), in turn; the ratio is taken against the best form, which is named. The
floor is what the matrix products of a step take alone, plus the bytes that all else must move at the speed of a copy.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

CASES = {"char_lstm": 5, "word_lstm": 5, "bilstm": 10, "gpt": 5, "dcgan": 10, "adam": 20, "momentum_sgd": 20}  # steps
FORMS = ("default", "foreach", "fused")
RIVAL = pathlib.Path(__file__).with_name("rivals") / "pytorch_networks.py"


def run(command, threads):
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": str(threads)}, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise SystemExit(f"failed ({done.returncode}): {' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def median_ms(runs):
    return statistics.median(r["step_ms"] for r in runs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rensa", required=True, help="path of benchmarks/networks")
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=3)
    o = parser.parse_args()
    print("| step | PyTorch ms | Rensa ms | Rensa is faster by | floor ms | floor / Rensa | Rensa MiB | PyTorch MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for name, steps in CASES.items():
        if o.only not in (None, name):
            continue
        own, rivals = [], {form: [] for form in FORMS}
        for _ in range(o.repetitions):
            own.append(run([o.rensa, name, str(steps)], o.threads))
            for form, runs in rivals.items():
                runs.append(run([sys.executable, str(RIVAL), name, str(steps), form], o.threads))
        best = min(FORMS, key=lambda form: median_ms(rivals[form]))
        own_ms, rival_ms = median_ms(own), median_ms(rivals[best])
        floor = statistics.median(r["floor_ms"] for r in own)
        mib = [max(r["peak_rss_bytes"] for r in runs) / 2**20 for runs in (own, rivals[best])]
        print(f"| {name} | {rival_ms:.1f} ({best}) | {own_ms:.1f} | {rival_ms / own_ms:.2f} | {floor:.1f} | {floor / own_ms:.2f} | "
              f"{mib[0]:.0f} | {mib[1]:.0f} |", flush=True)


if __name__ == "__main__":
    main()
