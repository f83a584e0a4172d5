#!/usr/bin/env python3
"""Rensa's and PyTorch's training steps side by side, in turns, and a markdown table of the ratios.

    python benchmarks/compare_training.py --rensa build/release/rensa --floor build/release/benchmarks/floor [--only mlp]
                                          [--repetitions 5] [--dtype bfloat16]

Run it with the Python that has PyTorch, on a machine that does nothing else. A repetition starts every program once, in
turn (rensa, PyTorch contiguous, PyTorch channels_last, the floor), so that a slow minute hits all of them; each program
reports the median of its steps. Reported: the median of the repetitions and [least, most]. The ratio is taken against
PyTorch's better memory format. With --dtype bfloat16 (Rensa with float32 masters, PyTorch with autocast) Rensa's step in
float32 takes its turn too, and the last column says by how much bfloat16 is faster than that. The floor
(docs/performance.md says what it is) of two ranks is that of two programs at once, each with its threads and its part of the
batch. Every line that a program printed is kept in --log.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import statistics
import subprocess
import sys

CASES = {  # name: model, global batch, image size, steps for one repetition
    "ResNet-50, 224": ("resnet50", 16, 224, 4),
    "ResNet-18, 96": ("resnet18", 32, 96, 10),
    "CIFAR network": ("vgg_cifar", 128, 32, 10),
    "MLP": ("mlp", 128, 28, 100),
}
LAYOUTS = ((1, 2), (2, 1))  # ranks, threads per rank; the global batch stays the same
RIVAL = pathlib.Path(__file__).with_name("rivals") / "pytorch_training_step.py"


def last_json(command, environment, log):
    """The last JSON object that the program printed. PyTorch's ranks are asked twice: gloo may abort one that ends."""
    attempts = 2 if str(RIVAL) in command else 1
    for attempt in range(attempts):
        done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=1800)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode == 0 and lines:
            break
        if attempt + 1 < attempts:
            print(f"failed ({done.returncode}), once more: {' '.join(command)}", file=sys.stderr)
    else:
        raise SystemExit(f"failed ({done.returncode}): {' '.join(command)}\n{done.stdout}\n{done.stderr}")
    log.write("".join(line + "\n" for line in lines))
    log.flush()
    return json.loads(lines[-1])


def floor_ms(o, model, batch, size, ranks, threads, environment, log):
    """The slower one of as many programs as there are ranks, all at once."""
    command = [o.floor, model, str(batch // ranks), str(size), str(threads), o.dtype]
    with concurrent.futures.ThreadPoolExecutor() as together:
        runs = [together.submit(last_json, command, environment, log) for _ in range(ranks)]
        return max(run.result()["floor_ms"] for run in runs)


def rensa_command(o, model, batch, size, ranks, threads, steps, dtype):
    launcher = ["mpirun", "-n", str(ranks), "--bind-to", "none"] if ranks > 1 else []
    return [*launcher, o.rensa, "bench", "step", "--model", model, "--batch", str(batch), "--image-size", str(size),
            "--threads", str(threads), "--steps", str(steps), "--dtype", dtype, "--json"]  # fmt: skip


def pytorch_command(o, model, batch, size, ranks, threads, steps, memory_format):
    return [sys.executable, str(RIVAL), "--model", model, "--batch", str(batch), "--image-size", str(size),
            "--ranks", str(ranks), "--threads", str(threads), "--steps", str(steps),
            "--memory-format", memory_format, "--dtype", o.dtype]  # fmt: skip


def median_and_spread(values, form="{:.1f}"):
    return " ".join((form, f"[{form},", f"{form}]")).format(statistics.median(values), min(values), max(values))


def step_ms(result):
    value = result["step_ms"]
    return statistics.median(value) if isinstance(value, list) else value


def compare(o, name, ranks, threads, log):
    model, batch, size, steps = CASES[name]
    commands = {
        f"pytorch {layout}": pytorch_command(o, model, batch // ranks, size, ranks, threads, steps, layout)
        for layout in (("contiguous", "channels_last") if model != "mlp" else ("contiguous",))
    }
    if o.rensa:
        own = {"rensa": o.dtype} if o.dtype == "float32" else {"rensa": o.dtype, "rensa float32": "float32"}
        own = {key: rensa_command(o, model, batch // ranks, size, ranks, threads, steps, dtype) for key, dtype in own.items()}
        commands = {**own, **commands}
    as_root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_NUM_THREADS": str(threads)}
    results = {key: [] for key in commands}
    floors = []
    for _ in range(o.repetitions):
        for key, command in commands.items():
            results[key].append(last_json(command, as_root, log))
        if o.floor:
            floors.append(floor_ms(o, model, batch, size, ranks, threads, as_root, log))
    floor = statistics.median(floors) if floors else None
    times = {key: [step_ms(r) for r in runs] for key, runs in results.items()}
    rivals = [key for key in times if key.startswith("pytorch")]
    best = min(rivals, key=lambda key: statistics.median(times[key]))
    rival_ms = statistics.median(times[best])
    row = [name, f"{ranks} x {threads}", f"{median_and_spread(times[best])} ({best.split()[1]})"]
    memory = {key: max(r["peak_rss_bytes"] for r in runs) / 2**20 for key, runs in results.items()}
    if o.rensa:
        own_ms = statistics.median(times["rensa"])
        row += [median_and_spread(times["rensa"]), f"{rival_ms / own_ms:.2f}"]
        row += [median_and_spread(floors), f"{floor / own_ms:.2f}"] if floor else ["", ""]
        row += [f"{memory['rensa']:.0f}"]
    else:
        row += ["", "", median_and_spread(floors) if floor else "", f"{floor / rival_ms:.2f} (PyTorch)" if floor else "", ""]
    row += [f"{memory[best]:.0f}"]
    if "rensa float32" in times:
        row += [f"{statistics.median(times['rensa float32']) / own_ms:.2f}"]
    print("| " + " | ".join(row) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rensa", default="", help="path of the rensa command; empty: PyTorch alone")
    parser.add_argument("--floor", default="", help="path of benchmarks/floor; empty: no floor")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32", help="in which the networks compute")
    parser.add_argument("--only", choices=sorted({c[0] for c in CASES.values()}))
    parser.add_argument("--ranks", type=int, choices=(1, 2), help="default: 1 rank of 2 threads, then 2 ranks of 1")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--log", type=pathlib.Path, default=pathlib.Path("compare_training.jsonl"))
    o = parser.parse_args()
    columns = ["network", "ranks x threads", "PyTorch ms", "Rensa ms", "Rensa is faster by", "floor ms", "floor / Rensa"]
    columns += ["Rensa MiB", "PyTorch MiB"]
    if o.rensa and o.dtype != "float32":
        columns += ["than Rensa in float32 by"]
    print("| " + " | ".join(columns) + " |")
    print("|---" * len(columns) + "|")
    with o.log.open("w") as log:
        for name, (model, *_) in CASES.items():
            for ranks, threads in LAYOUTS:
                if o.only in (None, model) and o.ranks in (None, ranks):
                    compare(o, name, ranks, threads, log)


if __name__ == "__main__":
    main()
