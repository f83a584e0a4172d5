#!/usr/bin/env python3
"""All-reduce of Rensa beside MPI_Allreduce and PyTorch's gloo, in turns in one run, and Markdown tables of the ratios.

    python benchmarks/compare_collectives.py --build build/release [--rounds 3] [--only "2 ranks, one host"]
    python benchmarks/compare_collectives.py --from-log compare_collectives.jsonl        # only the tables, again

Run it with the Python that has PyTorch, as root (emulated hosts are network namespaces), on a machine that does nothing
else; configure with -DRENSA_BUILD_BENCHMARKS=ON first. float32, sum, in place, 4 bytes to 256 MiB by factors of 4.

A round starts every contender once, in an order that turns by one from round to round; each takes 7 iterations of every
size, so 3 rounds give 21. A size's iterations (and before them its 2 of warm-up) end early once they took 1.5 s, or 1 s
between hosts of 1 Gbit/s, but not before the first: there, the largest sizes have fewer, down to one a round. Of all of a
contender's iterations the median counts; an iteration is the time of the slowest rank, of several calls for short arrays.
The ratio is the time of the fastest rival in that cell over Rensa's: above 1 Rensa is faster.

Rivals: a plain MPI_Allreduce program under Open MPI's defaults and under its faster tuned algorithms (segmented ring with
segments of 1 MiB and data on large pages; Rabenseifner's), and torch.distributed.all_reduce over gloo. Limits: on one host
a bare kernel of as many threads that reads every array once and writes every result once, on large or on shared pages,
whichever is faster; between hosts the same number of bytes over one TCP connection in both directions at once.
"""

import argparse
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
MIB = 1 << 20
TUNINGS = {
    "MPI, segmented ring": (("5", "--mca", "coll_tuned_allreduce_algorithm_segmentsize", str(MIB)), "1"),
    "MPI, Rabenseifner": (("6",), "0"),
}
RIVALS = ("MPI, defaults", *TUNINGS, "gloo")
OURS = ("rensa", "rensa, arena")
COMPOSED = ("flat", "hierarchical", "two_dimensional")  # compared with each other on 2x2 hosts at 1 Gbit/s
COMPOSED_BYTES = (MIB, 64 * MIB)
LIMITS = ("kernel, huge pages", "kernel, shared pages", "TCP both ways")


class Place:
    """Where a job runs: hosts, ranks on each, and the rate of their links."""

    def __init__(self, name, hosts, ranks, rate=""):
        self.name, self.hosts, self.ranks, self.rate = name, hosts, ranks, rate

    def mpirun(self, arguments, ranks=None, slots=None):
        ranks = ranks or self.ranks
        if self.hosts == 1:
            return ["mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none", *arguments]
        slots = slots or self.ranks // self.hosts
        rate = ["-r", self.rate] if self.rate else []
        script = str(ROOT / "scripts" / "netns_mpirun.sh")
        return [script, "-q", "-n", str(self.hosts), "-s", str(slots), *rate, "--", "-np", str(ranks), *arguments]


PLACES = (
    Place("2 ranks, one host", 1, 2),
    Place("4 ranks, one host", 1, 4),
    Place("2x1 hosts, 1 Gbit/s", 2, 2, "1gbit"),
    Place("2x2 hosts, 1 Gbit/s", 2, 4, "1gbit"),
    Place("2x1 hosts, unshaped", 2, 2),
    Place("2x2 hosts, unshaped", 2, 4),
)


def communicators(o):
    """The names that this build of rensa has."""
    text = subprocess.run([o.rensa, "bench", "comm", "--help"], capture_output=True, text=True, check=True).stdout
    return re.search(r"communicators:(.*)", text).group(1).split()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def commands(o, place, turn=0):
    """The command of each contender. Every element of Rensa's results is checked in the first round."""
    tools = pathlib.Path(o.build) / "benchmarks"
    seconds = min(o.seconds, 1) if place.rate else o.seconds
    sizes = ["--min_bytes", str(o.min_bytes), "--max_bytes", str(o.max_bytes), "--step_factor", "4",
             "--iterations", str(o.iterations), "--warmup", "2", "--max_seconds", str(seconds)]  # fmt: skip

    def rensa(communicator, memory, *other):
        return place.mpirun([o.rensa, "bench", "comm", "--communicator", communicator, "--memory", memory, "--placement",
                             "in_place", "--check", "1" if turn == 0 else "0", "--json", *sizes, *other])  # fmt: skip

    # another job of this machine may use the usual port; between emulated hosts the link must be named
    rendezvous = ["-x", f"MASTER_PORT={free_port()}"]
    if place.hosts > 1:
        rendezvous += ["-x", "MASTER_ADDR=10.77.0.1", "-x", "GLOO_SOCKET_IFNAME=eth0"]
    mpi = str(tools / "mpi_all_reduce")
    result = {"rensa": rensa("auto", "ordinary"), "rensa, arena": rensa("auto", "arena")}
    result["MPI, defaults"] = place.mpirun([mpi, *sizes])
    for name, (algorithm, huge_pages) in TUNINGS.items():
        chosen = ["--mca", "coll_tuned_use_dynamic_rules", "1", "--mca", "coll_tuned_allreduce_algorithm", *algorithm]
        result[name] = place.mpirun([*chosen, mpi, *sizes, "--huge_pages", huge_pages])
    gloo = str(ROOT / "benchmarks" / "rivals" / "pytorch_gloo_all_reduce.py")
    result["gloo"] = place.mpirun([*rendezvous, o.python, gloo, *sizes])
    if place.hosts == 1:
        for pages in ("huge", "shared"):
            kernel = [str(tools / "reduction_kernel"), "--ranks", str(place.ranks), "--pages", pages, *sizes]
            result[f"kernel, {pages} pages"] = kernel
    else:
        tcp = [str(tools / "tcp_both_ways"), "--address", "10.77.0.1", *sizes]
        result["TCP both ways"] = place.mpirun(tcp, ranks=place.hosts, slots=1)
    if place.hosts == 2 and place.ranks == 4 and place.rate and o.max_bytes >= COMPOSED_BYTES[0]:
        for name in COMPOSED:
            if name in o.communicators:
                most = min(o.max_bytes, COMPOSED_BYTES[1])
                result[name] = rensa(name, "ordinary", "--min_bytes", str(COMPOSED_BYTES[0]), "--max_bytes", str(most))
    return result


def run(command, log, **labels):
    """Runs one contender and keeps what it printed."""
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                   "PRTE_ALLOW_RUN_AS_ROOT": "1", "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_NUM_THREADS": "1",
                   "RENSA_CACHE": "off"}  # fmt: skip  # the hosts' names are the same on slow links and on quick ones
    start = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, cwd=ROOT)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise SystemExit(f"failed ({done.returncode}): {' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    for line in lines:
        timed = line.get("in_place") or line
        row = {**labels, "size": line["size"], "memory": line.get("memory", ""), "wrong": timed["wrong"],
               "times_us": timed["times_us"]}  # fmt: skip
        log.write(json.dumps(row) + "\n")
    log.flush()
    print(f"  {labels['contender']}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def measure(o):
    o.communicators = communicators(o)
    places = [p for p in PLACES if o.only in ("", p.name)]
    processes = sum(len(commands(o, p)) for p in places) * o.rounds
    # on two cores: a start takes 1.5 s, PyTorch's 6; all sizes take 3.5 s, and 10 where 256 MiB cross links of 1 Gbit/s
    share = min(1.0, o.max_bytes / (256 * MIB))
    guess = sum(len(commands(o, p)) * (1.5 + share * (10 if p.rate else 3.5)) + 4.5 for p in places) * o.rounds
    print(f"{processes} runs of contenders, about {guess / 60:.0f} minutes", file=sys.stderr, flush=True)
    start = time.monotonic()
    with o.log.open("w") as log:
        for place in places:
            for turn in range(o.rounds):
                print(f"{place.name}, round {turn + 1} of {o.rounds}, {time.monotonic() - start:.0f} s", file=sys.stderr)
                contenders = list(commands(o, place, turn).items())
                first = turn % len(contenders)
                for name, command in contenders[first:] + contenders[:first]:
                    run(command, log, place=place.name, contender=name, round=turn)
    print(f"took {(time.monotonic() - start) / 60:.1f} minutes", file=sys.stderr)


def medians(log):
    """{place: {size: {contender: (median, iterations)}}}, and what was wrong or fell back."""
    times, remarks = {}, set()
    for line in log.read_text().splitlines():
        row = json.loads(line)
        if row["wrong"]:
            remarks.add(f"{row['place']}, {row['contender']}, {row['size']} bytes: {row['wrong']} elements were WRONG.")
        if row["contender"] == "rensa, arena" and row["memory"] != "arena":
            remarks.add("The communicator handed out no arena memory: there are no figures of arena buckets.")
            continue
        sizes = times.setdefault(row["place"], {})
        sizes.setdefault(row["size"], {}).setdefault(row["contender"], []).extend(row["times_us"])
    result = {
        place: {size: {c: (statistics.median(t), len(t)) for c, t in cell.items()} for size, cell in sorted(sizes.items())}
        for place, sizes in times.items()
    }
    return result, sorted(remarks)


def size_text(size):
    for unit, name in ((MIB, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B"


def time_text(us):
    return f"{us:.1f}" if us < 100 else f"{us:.0f}" if us < 1e4 else f"{us / 1e3:.1f} ms"


def best(cell, names):
    return min((cell[name][0] for name in names if name in cell), default=None)


def table(place, sizes):
    ours = [n for n in OURS if any(n in cell for cell in sizes.values())]
    rivals = [n for n in RIVALS if any(n in cell for cell in sizes.values())]
    heads = ["size", *ours, *rivals, *(f"ratio, {n}" for n in ours), "limit", *(f"limit / {n}" for n in ours), "iterations"]
    lines = [f"\n{place} (µs):\n", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for size, cell in sizes.items():
        rival, limit = best(cell, RIVALS), best(cell, LIMITS)

        def over(value, name):
            return f"{value / cell[name][0]:.2f}" if value and name in cell else ""

        row = [size_text(size), *(time_text(cell[n][0]) if n in cell else "" for n in (*ours, *rivals))]
        row += [over(rival, n) for n in ours] + [time_text(limit) if limit else ""] + [over(limit, n) for n in ours]
        row += [str(min(cell[n][1] for n in (*ours, *rivals) if n in cell))]
        lines.append("| " + " | ".join(row) + " |")
    return lines


def shares(cells):
    """Against the best rival: the share of cells at 0.95 or more, the least, and the cells below."""
    lines = ["\nAgainst the best rival of each cell:\n", "| | cells | at 0.95 or more | least |", "|---|---|---|---|"]
    below = []
    for name in OURS:
        ratios = [(best(cell, RIVALS) / cell[name][0], place, size) for place, size, cell in cells
                  if name in cell and best(cell, RIVALS)]  # fmt: skip
        if not ratios:
            continue
        good = sum(ratio >= 0.95 for ratio, *_ in ratios)
        least = min(ratios)
        lines.append(f"| {name} | {len(ratios)} | {good} ({100 * good / len(ratios):.0f} %) | "
                     f"{least[0]:.2f} ({least[1]}, {size_text(least[2])}) |")  # fmt: skip
        below += [f"- {name}, {place}, {size_text(size)}: {ratio:.2f}" for ratio, place, size in ratios if ratio < 0.95]
    return lines + (["\nBelow 0.95:\n", *below] if below else [])


def limits(cells):
    """From 64 MiB, where the limit binds: one host with no more ranks than cores, and links of 1 Gbit/s."""
    by_name = {place.name: place for place in PLACES}
    rows = []
    for place, size, cell in cells:
        shaped, hosts = bool(by_name[place].rate), by_name[place].hosts
        limit = best(cell, LIMITS)
        if size < 64 * MIB or not limit or not (shaped or (hosts == 1 and by_name[place].ranks <= os.cpu_count())):
            continue
        # on one host the limit is asked of arena buckets, whose memory the kernel's resembles
        rows += [f"| {place} | {size_text(size)} | {n} | {limit / cell[n][0]:.2f} |" for n in OURS if n in cell]
    head = ["\nThe limit over Rensa's time, from 64 MiB:\n", "| | size | | limit / time |", "|---|---|---|---|"]
    return head + rows if rows else []


def composed(sizes):
    """flat, hierarchical, two_dimensional and auto side by side."""
    names = [n for n in (*COMPOSED, "rensa") if any(n in cell for cell in sizes.values())]
    if len(names) < 3:
        return []
    heads = ["size", *("auto" if n == "rensa" else n for n in names)]
    lines = ["\nCommunicators on 2x2 hosts at 1 Gbit/s (µs):\n", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for size, cell in sizes.items():
        if any(n in cell for n in COMPOSED):
            times = (time_text(cell[n][0]) if n in cell else "" for n in names)
            lines.append("| " + " | ".join([size_text(size), *times]) + " |")
    return lines


def report(log):
    places, remarks = medians(log)
    lines = []
    for place, sizes in places.items():
        lines += table(place, sizes)
    cells = [(place, size, cell) for place, sizes in places.items() for size, cell in sizes.items()]
    lines += shares(cells) + limits(cells) + composed(places.get("2x2 hosts, 1 Gbit/s", {}))
    print("\n".join([*lines, *(["", *remarks] if remarks else [])]))
    return not any("WRONG" in remark for remark in remarks)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build" / "release"), help="folder of rensa and benchmarks/")
    parser.add_argument("--python", default=sys.executable, help="a Python with PyTorch, for gloo")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=7, help="of a size in one round")
    parser.add_argument("--seconds", type=float, default=1.5, help="when a size's iterations end; at most 1 at 1 Gbit/s")
    parser.add_argument("--min_bytes", type=int, default=4)
    parser.add_argument("--max_bytes", type=int, default=256 * MIB)
    parser.add_argument("--only", default="", choices=["", *(p.name for p in PLACES)])
    parser.add_argument("--log", type=pathlib.Path, default=pathlib.Path("compare_collectives.jsonl"))
    parser.add_argument("--from-log", type=pathlib.Path, help="makes the tables of an earlier run")
    o = parser.parse_args()
    if o.from_log is None:
        o.build = str(pathlib.Path(o.build).resolve())
        o.rensa = str(pathlib.Path(o.build) / "rensa")
        measure(o)
    return 0 if report(o.from_log or o.log) else 1


if __name__ == "__main__":
    sys.exit(main())
