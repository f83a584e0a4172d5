#!/usr/bin/env python3
"""How well PyTorch's DistributedDataParallel hides the all-reduce of the gradients behind backward. Started by mpirun.

    scripts/netns_mpirun.sh -n 2 -r 1gbit -- -x MASTER_ADDR=10.77.0.1 -x GLOO_SOCKET_IFNAME=eth0 \\
        python benchmarks/rivals/pytorch_ddp_overlap.py --model mlp --batch 1024
    (and --model resnet18 --batch 32 --image-size 64)

Prints one JSON object (rank 0): compute_ms is the step without communication while every host computes, all_reduce_ms
the all-reduce of all gradients alone, step_ms the real step. All are medians, one thread per rank.
"""

import argparse
import contextlib
import os

os.environ["OMP_NUM_THREADS"] = "1"

import measure
import pytorch_training_step
import torch
import torch.distributed


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mlp")
    parser.add_argument("--batch", type=int, default=1024, help="examples per rank")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--classes", type=int)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--memory-format", choices=("contiguous", "channels_last"), default="channels_last")
    parser.add_argument("--sgd", choices=("default", "foreach", "fused"), default="default")
    parser.set_defaults(dtype="float32")
    return parser.parse_args()


def main():
    o = arguments()
    rank, size = measure.rank_and_size()
    if size < 2:
        raise SystemExit("pytorch_ddp_overlap: one rank has nothing to exchange. Start it with mpirun -n 2.")
    torch.set_num_threads(1)
    measure.start_gloo(rank, size)
    model, _, step = pytorch_training_step.build(o, rank, size)
    gradients = torch.zeros(sum(p.numel() for p in model.parameters()))

    def median(function, alone=False):
        with model.no_sync() if alone else contextlib.nullcontext():
            for _ in range(o.warmup):
                function()
            torch.distributed.barrier()
            return measure.summary(measure.time_steps(function, o.steps))["step_ms"]

    step_ms = median(step)
    compute_ms = median(step, alone=True)
    all_reduce_ms = median(lambda: torch.distributed.all_reduce(gradients))
    if rank == 0:
        measure.report(
            framework=f"pytorch {torch.__version__} ddp gloo",
            model=o.model,
            batch=o.batch,
            image_size=o.image_size,
            ranks=size,
            gradient_bytes=gradients.numel() * 4,
            compute_ms=compute_ms,
            all_reduce_ms=all_reduce_ms,
            step_ms=step_ms,
        )
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
