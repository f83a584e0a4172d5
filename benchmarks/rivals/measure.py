"""What the rival programs share: which rank this is, timing, peak memory, and one JSON object a line."""

import json
import os
import statistics
import sys
import time
from pathlib import Path

# The networks of the golden numbers are the ones that are timed.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "oracle"))


def rank_and_size():
    """From mpirun (Open MPI) or torchrun; 0 and 1 when started alone."""
    for rank, size in (("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("RANK", "WORLD_SIZE")):
        if rank in os.environ:
            return int(os.environ[rank]), int(os.environ[size])
    return 0, 1


def start_gloo(rank, size):
    """Joins the process group. Under mpirun on this machine nothing need be set; across nodes set MASTER_ADDR to
    rank 0's address and GLOO_SOCKET_IFNAME to the link (eth0)."""
    import torch.distributed

    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29517")
    os.environ["RANK"], os.environ["WORLD_SIZE"] = str(rank), str(size)
    torch.distributed.init_process_group("gloo")


def _status_bytes(key):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {key}")


class PeakMemory:
    """The peak resident size above what is held at construction: build it just before the first batch."""

    def __init__(self):
        try:
            Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts again from the present size
        except OSError as error:
            print(f"the peak cannot be reset ({error}): it includes the start of the program", file=sys.stderr)
        self.held = _status_bytes("VmRSS")

    def above(self):
        return max(0, _status_bytes("VmHWM") - self.held)


def time_steps(step, count):
    """Milliseconds of each of `count` calls."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def summary(times):
    return {"step_ms": statistics.median(times), "step_ms_min": min(times), "step_ms_max": max(times)}


def report(**values):
    print(json.dumps(values), flush=True)
