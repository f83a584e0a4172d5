#!/usr/bin/env python3
"""Data-parallel steps on emulated hosts, beside the schedule's bound and PyTorch's DDP over gloo; a markdown table.

    python benchmarks/compare_overlap.py --rensa build/release/rensa [--hosts 2] [--rounds 3] [--only resnet18] [--ratios 0.5 1 2]

The links' rate is set so that the all-reduce of the gradients takes RATIO times the compute of a step, as measured first on
links as quick as they go. A round starts in turn: an ordinary step, one with carry_over, and DDP. Needs root and the Python
that has PyTorch, on a machine that does nothing else; one thread a host. "bound" is `rensa bench overlap`'s, of plain
all-reduces; "limit" the larger of compute and communication alone.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
CASES = {
    "mlp": ["--model", "mlp", "--batch", "512"],
    "resnet18": ["--model", "resnet18", "--batch", "32", "--image-size", "64"],
    "resnet50": ["--model", "resnet50", "--batch", "16", "--image-size", "64"],
    "gpt": ["--model", "gpt", "--batch", "4"],
}


def on_hosts(hosts, rate_mbit, command):
    shaped = ["-r", f"{rate_mbit:.0f}mbit"] if rate_mbit else []
    run = [str(ROOT / "scripts/netns_mpirun.sh"), "-q", "-n", str(hosts), *shaped, "--", "-np", str(hosts),
           "-x", "MASTER_ADDR=10.77.0.1", "-x", "GLOO_SOCKET_IFNAME=eth0", *command]
    done = subprocess.run(run, capture_output=True, text=True, timeout=900)
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            return json.loads(line)
    raise SystemExit(f"failed ({done.returncode}): {' '.join(run)}\n{done.stdout}\n{done.stderr}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rensa", required=True)
    parser.add_argument("--hosts", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=11)
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--ratios", type=float, nargs="+", default=[0.5, 1, 2])
    o = parser.parse_args()
    ours = [str(pathlib.Path(o.rensa).resolve()), "bench", "overlap", "--json", "--steps", str(o.steps)]
    theirs = [sys.executable, str(ROOT / "benchmarks/rivals/pytorch_ddp_overlap.py"), "--steps", str(o.steps)]
    print("| network | ratio | link Mbit/s | compute ms | all-reduce ms | bound ms | step ms | / bound | carry_over ms | / limit | "
          "DDP ms | DDP / step | DDP / carry_over |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name, case in CASES.items():
        if o.only not in (None, name):
            continue
        quick = on_hosts(o.hosts, None, [*ours, *case])
        sent = 2 * (o.hosts - 1) / o.hosts * sum(quick["bucket_bytes"])
        for ratio in o.ratios:
            rate = sent * 8 / (ratio * quick["compute_ms"] * 1e-3) / 1e6
            plain, carried, rival = [], [], []
            for _ in range(o.rounds):
                plain.append(on_hosts(o.hosts, rate, [*ours, *case]))
                carried.append(on_hosts(o.hosts, rate, [*ours, *case, "--carry_over", "true"]))
                rival.append(on_hosts(o.hosts, rate, [*theirs, *case]))

            def median(runs, key):
                return statistics.median(run[key] for run in runs)

            step, over = median(plain, "step_ms"), median(carried, "step_ms")
            compute, wire = median(plain, "compute_ms"), median(plain, "all_reduce_sum_ms")
            limit = max(median(carried, "compute_ms") + median(carried, "update_ms"), median(carried, "all_reduce_sum_ms"))
            ddp = median(rival, "step_ms")
            print(f"| {name} | {ratio:g} | {rate:.0f} | {compute:.0f} | {wire:.0f} | {median(plain, 'bound_ms'):.0f} | {step:.0f} | "
                  f"{median(plain, 'step_over_bound'):.2f} | {over:.0f} | {over / limit:.2f} | {ddp:.0f} | {ddp / step:.2f} | "
                  f"{ddp / over:.2f} |", flush=True)


if __name__ == "__main__":
    main()
