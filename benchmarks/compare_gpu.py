#!/usr/bin/env python3
"""Rensa's and PyTorch's training steps on a GPU, in turns, and a markdown table.

    python benchmarks/compare_gpu.py --rensa build/release/rensa --networks build/release/benchmarks/networks [--repetitions 3]

Run it with a Python that has PyTorch for CUDA; without one (--alone), Rensa's figures are printed by themselves. A repetition
starts every program once, in turn. Reported: the median of the repetitions and [least, most], the ratio against PyTorch eager and
compiled, the most device memory, and for GPT-2 the tokens a second and the share of the bfloat16 product of 8192 that its
operations make (6 times parameters and tokens, and the scores), which is measured in the same run. --log keeps every line.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

RIVAL = pathlib.Path(__file__).with_name("rivals") / "pytorch_gpu.py"
GPT2_PARAMETERS, GPT2_BATCH, GPT2_LENGTH = 124e6, 16, 1024
CASES = (  # case, batch, precision
    ("resnet50", 256, "bf16"),
    ("resnet50", 256, "tf32"),
    ("gpt2", GPT2_BATCH, "bf16"),
    ("mlp", 64, "fp32"),
    ("char_lstm", 64, "fp32"),
)


def last_json(command, log):
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    log.write("".join(line + "\n" for line in lines))
    log.flush()
    if done.returncode or not lines:
        print(f"failed ({done.returncode}): {' '.join(command)}\n{done.stdout}{done.stderr}", file=sys.stderr)
        return None
    return [json.loads(line) for line in lines][-1]


def rensa_command(o, case, batch, precision):
    if case in ("resnet50", "mlp"):
        dtype = "bfloat16" if precision == "bf16" else "float32"
        return [o.rensa, "bench", "step", "--device", "cuda", "--model", case, "--batch", str(batch), "--dtype", dtype,
                "--tf32", "true" if precision == "tf32" else "false", "--warmup", "10", "--steps", "20", "--json"]  # fmt: skip
    return [o.networks, case, "20", "cuda"]


def rival_commands(case, batch, precision):
    common = [sys.executable, str(RIVAL), "--case", case, "--batch", str(batch), "--precision", precision]
    return {"eager": common, "compiled": [*common, "--compile"]}


def spread(values):
    return f"{statistics.median(values):.2f} [{min(values):.2f}, {max(values):.2f}]" if values else "failed"


def product_tflops(o, log):
    """Of the bfloat16 product of 8192."""
    done = subprocess.run([o.rensa, "bench", "gpu", "--json"], capture_output=True, text=True, timeout=600)
    log.write(done.stdout)
    rates = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return next((r["tflop_s"] for r in rates if r["name"] == "product 8192 bfloat16"), None)


def gpt2_notes(step_ms, peak):
    tokens = GPT2_BATCH * GPT2_LENGTH
    operations = 6 * GPT2_PARAMETERS * tokens + 6 * 12 * GPT2_BATCH * GPT2_LENGTH**2 * 768  # half of the scores are hidden
    share = operations / (step_ms * 1e9) / peak if peak else float("nan")
    return f"{tokens / step_ms * 1e3:.0f} tokens/s, {100 * share:.1f} % of the product's rate"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rensa", required=True)
    parser.add_argument("--networks", required=True)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="without PyTorch")
    parser.add_argument("--only", help="one case")
    parser.add_argument("--log", default=os.devnull)
    o = parser.parse_args()
    with open(o.log, "a", encoding="utf-8") as log:
        peak = product_tflops(o, log)
        print("| step | rensa, ms | PyTorch eager | compiled | rensa / eager, compiled | memory, MiB | |")
        print("|---|---|---|---|---|---|---|")
        for case, batch, precision in CASES:
            if o.only and case != o.only:
                continue
            commands = {"rensa": rensa_command(o, case, batch, precision)}
            if not o.alone:
                commands.update(rival_commands(case, batch, precision))
            results = {key: [] for key in commands}
            for _ in range(o.repetitions):
                for key, command in commands.items():
                    result = last_json(command, log)
                    if result:
                        results[key].append(result)
            ms = {key: [r["step_ms"] for r in runs] for key, runs in results.items()}
            memory = ", ".join(
                f"{runs[0]['peak_device_bytes'] / 2**20:.0f}" if runs else "failed" for runs in results.values()
            )
            ratios = [
                f"{statistics.median(ms[k]) / statistics.median(ms['rensa']):.2f}x" if ms.get(k) and ms["rensa"] else "-"
                for k in ("eager", "compiled")
            ]
            notes = gpt2_notes(statistics.median(ms["rensa"]), peak) if case == "gpt2" and ms["rensa"] else ""
            if case == "resnet50" and ms["rensa"]:
                notes = f"{batch / statistics.median(ms['rensa']) * 1e3:.0f} images/s"
            print(f"| {case}, batch {batch}, {precision} | {spread(ms['rensa'])} | {spread(ms.get('eager', []))} | "
                  f"{spread(ms.get('compiled', []))} | {', '.join(ratios)} | {memory} | {notes} |")  # fmt: skip


if __name__ == "__main__":
    main()
