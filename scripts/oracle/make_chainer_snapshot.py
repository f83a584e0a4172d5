#!/usr/bin/env python3
"""Makes tests/fixtures/chainer: a trainer's snapshot and odd arrays as Chainer itself saves them.

    python scripts/oracle/make_chainer_snapshot.py [--out tests/fixtures/chainer]

trainer.npz is the snapshot of a Trainer after 3 of 10 steps of the first epoch: Classifier(MLP), Adam, SerialIterator with
shuffling, LogReport. expected.npz holds the loss of each of the next 6 steps and the weights after them. odd.npz holds
arrays of every kind that Chainer may write, stored; None among them.
Chainer 7.8.1 needs an old NumPy: pip install "numpy==1.23.5" "setuptools<70" six "protobuf<4" h5py, then chainer==7.8.1
without build isolation.
"""

import argparse
import pathlib

import chainer
import numpy as np
from chainer import training
from chainer.training import extensions

import hashed_numbers

FEATURES, UNITS, CLASSES, SAMPLES, BATCH = 4, 6, 3, 100, 10


class Mlp(chainer.Chain):
    def __init__(self, units, out, features=None):
        super().__init__()
        with self.init_scope():
            self.l1 = chainer.links.Linear(features, units)
            self.l2 = chainer.links.Linear(None, units)
            self.l3 = chainer.links.Linear(None, out)

    def forward(self, x):
        return self.l3(chainer.functions.relu(self.l2(chainer.functions.relu(self.l1(x)))))


def dataset():
    x = hashed_numbers.short_decimals(1, (SAMPLES, FEATURES)).astype(np.float32)
    t = hashed_numbers.labels(2, SAMPLES, CLASSES).astype(np.int32)
    return chainer.datasets.TupleDataset(x, t)


def make_trainer(out):
    model = chainer.links.Classifier(Mlp(UNITS, CLASSES))
    optimizer = chainer.optimizers.Adam(alpha=0.01).setup(model)
    iterator = chainer.iterators.SerialIterator(dataset(), BATCH)
    updater = training.updaters.StandardUpdater(iterator, optimizer)
    trainer = training.Trainer(updater, (3, "iteration"), out=out)
    trainer.extend(extensions.LogReport(trigger=(2, "iteration")))
    return trainer, model


def odd_arrays():
    a = np.arange(6).reshape(2, 3)
    kinds = {kind: a.astype(kind) for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "b1")}
    return {**kinds, "fortran": np.asfortranarray(a.astype("f4")), "zero_d": np.array(2.5), "empty": np.zeros((0, 3), "f4"),
            "text": np.array("Straße 連鎖"), "none": np.array(None), "a/b:c/W": a.astype("f4")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parents[2] / "tests/fixtures/chainer")
    out = parser.parse_args().out
    np.random.seed(7)
    chainer.config.use_ideep = "never"
    trainer, model = make_trainer(str(out))
    trainer.run()
    (out / "log").unlink()
    chainer.serializers.save_npz(out / "trainer.npz", trainer)
    losses = []
    for _ in range(6):
        batch = trainer.updater.get_iterator("main")
        x, t = chainer.dataset.concat_examples(batch.next())
        trainer.updater.get_optimizer("main").update(model, x, t)
        losses.append(float(model.loss.array))
    weights = {name.strip("/"): p.array for name, p in model.namedparams()}
    np.savez(out / "expected.npz", losses=np.array(losses), **weights)
    np.savez(out / "odd.npz", **odd_arrays())
    chainer.serializers.save_hdf5(str(out / "model.h5"), model)
    fresh = chainer.links.Classifier(Mlp(UNITS, CLASSES))
    chainer.serializers.save_npz(out / "fresh.npz", fresh)  # W of every layer is None
    for path in sorted(out.iterdir()):
        print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
