#!/usr/bin/env python3
"""Times PyTorch's training step (eager): forward, loss, backward and momentum SGD on fixed synthetic data.

    python benchmarks/rivals/pytorch_training_step.py --model resnet50 --batch 16 --image-size 224 --threads 2
    python benchmarks/rivals/pytorch_training_step.py --model resnet18 --batch 16 --image-size 96 --threads 1 --ranks 2
    mpirun -n 2 --bind-to none python benchmarks/rivals/pytorch_training_step.py --model mlp --batch 64 --threads 1

--batch is per rank. With more than one rank the model is wrapped in DistributedDataParallel over gloo. Prints one JSON
object per repetition (rank 0), with the keys of `rensa bench step --json`: model, batch, ranks, threads, step_ms
(median of the repetition), images_per_second (all ranks), peak_rss_bytes (the largest of the ranks, above what the
process held before its first batch).
"""

import argparse
import os
import sys

import measure


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="resnet50", help="mlp, vgg_cifar, resnet18, resnet50 ...")
    parser.add_argument("--batch", type=int, default=16, help="examples per rank")
    parser.add_argument("--image-size", type=int, default=224, help="pixels; not for mlp")
    parser.add_argument("--classes", type=int, help="default: 1000 for the ResNets, else 10")
    parser.add_argument("--threads", type=int, default=2, help="per rank")
    parser.add_argument("--ranks", type=int, default=1, help="processes to start here; leave it out under mpirun")
    parser.add_argument("--memory-format", choices=("contiguous", "channels_last"), default="channels_last")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32", help="bfloat16: by autocast")
    parser.add_argument("--sgd", choices=("default", "foreach", "fused"), default="default", help="SGD's implementation")
    parser.add_argument("--steps", type=int, default=10, help="timed steps in a repetition")
    parser.add_argument("--warmup", type=int, default=3, help="steps before the first repetition")
    parser.add_argument("--repetitions", type=int, default=1)
    return parser.parse_args()


def build(o, rank, size):
    """Returns (model, optimizer, step)."""
    import torch
    from torch.nn import functional as F

    import networks

    classes = o.classes or (1000 if o.model.startswith("resnet") else 65 if o.model == "gpt" else 10)
    layout = torch.channels_last if o.memory_format == "channels_last" else torch.contiguous_format
    torch.manual_seed(1 + rank)
    model = networks.create(o.model, classes=classes)
    shape = networks.input_shape(o.model, o.batch, o.image_size)
    x = torch.randint(classes, shape) if o.model == "gpt" else torch.rand(shape)
    t = torch.randint(classes, (x.numel() if o.model == "gpt" else o.batch,))
    if x.dim() == 4:
        model, x = model.to(memory_format=layout), x.to(memory_format=layout)
    if size > 1:  # its settings that are kind to PyTorch: no copies into buckets, no broadcast of statistics
        model = torch.nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=True, forward_sync_buffers=False)
    chosen = {} if o.sgd == "default" else {o.sgd: True}
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, **chosen)
    model.train()

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=o.dtype == "bfloat16"):
            loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()

    return model, optimizer, step


def run(rank, size, o):
    import torch

    torch.set_num_threads(o.threads)
    if size > 1:
        measure.start_gloo(rank, size)
    _, _, step = build(o, rank, size)
    memory = measure.PeakMemory()
    for _ in range(o.warmup):
        step()
    for repetition in range(o.repetitions):
        if size > 1:
            torch.distributed.barrier()
        times = measure.time_steps(step, o.steps)
        peak = torch.tensor([memory.above()])
        if size > 1:
            torch.distributed.all_reduce(peak, torch.distributed.ReduceOp.MAX)
        if rank == 0:
            result = measure.summary(times)
            measure.report(
                framework=f"pytorch {torch.__version__}",
                model=o.model,
                batch=o.batch,
                image_size=o.image_size,
                ranks=size,
                threads=o.threads,
                memory_format=o.memory_format,
                dtype=o.dtype,
                sgd=o.sgd,
                repetition=repetition,
                images_per_second=o.batch * size / result["step_ms"] * 1e3,
                peak_rss_bytes=int(peak),
                **result,
            )
    if size > 1:
        torch.distributed.destroy_process_group()


def main():
    o = arguments()
    rank, size = measure.rank_and_size()
    os.environ["OMP_NUM_THREADS"] = str(o.threads)  # before torch is imported: gloo's and MKL's pools read it
    if size == 1 and o.ranks > 1:
        import torch.multiprocessing

        torch.multiprocessing.spawn(run, args=(o.ranks, o), nprocs=o.ranks)
    else:
        run(rank, size, o)
    return 0


if __name__ == "__main__":
    sys.exit(main())
