"""The form of the small golden files: arrays inline, f64 with 17 significant digits (Python's repr round-trips)."""

import json

import numpy as np
import torch


def array(a):
    """{"shape": [...], "data": [...]}, row-major; integers stay integers."""
    if isinstance(a, torch.Tensor):
        a = a.detach().numpy()
    a = np.asarray(a)
    return {"shape": list(a.shape), "data": a.reshape(-1).tolist()}


def write(path, made_by, cases):
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    path.write_text(f'{{"made_by":"{made_by}","pytorch":"{torch.__version__}","cases":[\n{lines}\n]}}\n')
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size / 1024:.0f} KiB")
