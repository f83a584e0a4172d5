"""Loads a snapshot of Rensa's into a Chainer trainer with strict=True, judges the network and trains on.

    python load_in_chainer.py RUN_FOLDER DATA_FOLDER EVALUATION_JSON
"""

import gzip
import json
import pathlib
import sys

import chainer
import numpy as np
from chainer import training
from chainer.training import extensions


class Mlp(chainer.Chain):
    def __init__(self, features, units, out):
        super().__init__()
        with self.init_scope():
            self.l1 = chainer.links.Linear(features, units)
            self.l2 = chainer.links.Linear(units, units)
            self.l3 = chainer.links.Linear(units, out)

    def forward(self, x):
        return self.l3(chainer.functions.relu(self.l2(chainer.functions.relu(self.l1(x)))))


def read(folder, split):
    def raw(name, skip):
        with gzip.open(folder / f"{split}-{name}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=skip)

    x = raw("images-idx3", 16).reshape(-1, 784).astype(np.float32) / 255
    return x, raw("labels-idx1", 8).astype(np.int32)


def main():
    run, data, evaluation = (pathlib.Path(a) for a in sys.argv[1:4])
    snapshot = max(run.glob("snapshot_iter_*"), key=lambda path: int(path.name.rsplit("_", 1)[1]))
    (x, t), (test_x, test_t) = read(data, "train"), read(data, "t10k")
    mean, std = x.mean(dtype=np.float64), x.std(dtype=np.float64)
    x, test_x = ((a - mean).astype(np.float32) / np.float32(std) for a in (x, test_x))
    model = chainer.links.Classifier(Mlp(784, 50, 10))
    optimizer = chainer.optimizers.Adam().setup(model)
    iterator = chainer.iterators.SerialIterator(chainer.datasets.TupleDataset(x, t), 100)
    updater = training.updaters.StandardUpdater(iterator, optimizer)
    trainer = training.Trainer(updater, (2, "epoch"), out=str(run / "chainer"))
    trainer.extend(extensions.LogReport(trigger=(1, "epoch")))
    chainer.serializers.load_npz(str(snapshot), trainer, strict=True)
    print(f"{snapshot.name}: loaded with strict=True; iteration {updater.iteration}, epoch {updater.epoch}, Adam's t {optimizer.t}")
    expected = json.loads(evaluation.read_text())
    with chainer.using_config("train", False), chainer.no_backprop_mode():
        loss = float(model(test_x, test_t).array)
    print(f"test loss here {expected['loss']:.6f}, in Chainer {loss:.6f}; top-1 here {expected['top1']:.4f}, in Chainer "
          f"{float(model.accuracy.array):.4f}")
    assert abs(loss - expected["loss"]) < 1e-4, "the two do not agree"
    trainer.run()
    log = trainer.get_extension("LogReport").log
    print("training loss by epoch:", [round(entry["main/loss"], 4) for entry in log])
    assert len(log) == 2 and log[1]["main/loss"] < log[0]["main/loss"], "training did not go on"


if __name__ == "__main__":
    main()
