#!/usr/bin/env bash
# PyTorch's side of the benchmarks: every case can be built, those for GPUs without one, and steps take
# place. PYTHON names a Python with PyTorch.
set -euo pipefail
python=${PYTHON:-python3}
"$python" -c 'import torch' 2>/dev/null || { echo "skipped: $python has no PyTorch"; exit 77; }
cd "${RENSA_SOURCE_DIR:?}/benchmarks/rivals"
PYTHONDONTWRITEBYTECODE=1 "$python" - <<'PYTHON'
import sys
import types

sys.path.insert(0, ".")
import pytorch_ddp_overlap
import pytorch_gpu
import pytorch_networks
import pytorch_training_step

pytorch_gpu.DEVICE = "meta"  # has shapes and computes nothing
for case in ("resnet50", "mlp", "char_lstm", "gpt2"):
    _, loss = pytorch_gpu.build(types.SimpleNamespace(case=case, batch=1, compile=False))
    loss().backward()
for case in pytorch_networks.CASES.values():
    for form in pytorch_networks.FORMS.values():
        case(form)
for program, dtypes in ((pytorch_ddp_overlap, [None]), (pytorch_training_step, ["float32", "bfloat16"])):
    for dtype in dtypes:
        sys.argv = [program.__name__, "--model", "mlp", "--batch", "2", *(["--dtype", dtype] if dtype else [])]
        _, _, step = pytorch_training_step.build(program.arguments(), rank=0, size=1)
        step()
PYTHON
