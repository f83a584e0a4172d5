#!/usr/bin/env python3
"""torch.distributed.all_reduce over gloo in place, float32, sum: what `rensa bench comm` is compared with.

    mpirun -n 2 python benchmarks/rivals/pytorch_gloo_all_reduce.py [--min_bytes 4] [--max_bytes 67108864] [--step_factor 4]
        [--iterations 20] [--warmup 5] [--max_seconds 0]

Between nodes set MASTER_ADDR to rank 0's address and GLOO_SOCKET_IFNAME to the link. Sizes, calls in one iteration and
the JSON are those of rivals/sampling.h; a time is the slowest rank's.
"""

import argparse
import os
import time

os.environ["OMP_NUM_THREADS"] = "1"

import measure
import torch
import torch.distributed as dist


def sizes(o):
    size = o.min_bytes
    while size <= o.max_bytes:
        yield size
        size = max(size + 1, int(size * o.step_factor))


def timed(data, calls):
    """Seconds of so many calls on the slowest rank."""
    dist.barrier()
    start = time.perf_counter()
    for _ in range(calls):
        dist.all_reduce(data)
    agreed = torch.tensor([time.perf_counter() - start], dtype=torch.float64)
    dist.all_reduce(agreed, dist.ReduceOp.MAX)
    return agreed.item()


def times_us(o, size, data, spent):
    """Microseconds of a call. `spent`: the seconds of the call whose result was checked, which counts as warm-up."""
    calls = min(20, max(1, (256 << 10) // size))

    def repeat(count, spent):
        times = []
        for _ in range(count):
            if o.max_seconds and spent >= o.max_seconds:
                break
            seconds = timed(data, calls)
            spent += seconds
            times.append(seconds / calls * 1e6)
        return times

    repeat(o.warmup, spent)
    return repeat(o.iterations, 0.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--min_bytes", type=int, default=4)
    parser.add_argument("--max_bytes", type=int, default=64 << 20)
    parser.add_argument("--step_factor", type=float, default=4)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--max_seconds", type=float, default=0)
    o = parser.parse_args()
    rank, ranks = measure.rank_and_size()
    torch.set_num_threads(1)
    measure.start_gloo(rank, ranks)
    for size in sizes(o):
        data = torch.full((max(1, size // 4),), float(rank + 1))
        first = timed(data, 1)
        wrong = (data != ranks * (ranks + 1) / 2).sum()
        dist.all_reduce(wrong)
        data.zero_()
        times = times_us(o, size, data, first)
        if rank == 0:
            measure.report(
                program=f"pytorch {torch.__version__} gloo",
                ranks=ranks,
                size=data.numel() * 4,
                wrong=wrong.item(),
                times_us=times,
            )
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
