"""Trains a GPT and a word LSTM in PyTorch and in Rensa from the same weights on the same batches, and compares.

    python follow_in_pytorch.py FOLLOW TEXT_FOLDER STEPS WORDS UNITS DROPOUT
"""

import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from torch_resnet import save


class Attention(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(size, size) for _ in range(4))
        self.heads = size // 64

    def forward(self, x):
        b, length, size = x.shape
        q, k, v = (f(x).view(b, length, self.heads, 64).transpose(1, 2) for f in (self.query, self.key, self.value))
        return self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, length, size))


class Block(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.ln1, self.attention, self.ln2 = nn.LayerNorm(size), Attention(size), nn.LayerNorm(size)
        self.fc1, self.fc2 = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)

    def forward(self, x):
        x = x + self.attention(self.ln1(x))
        return x + self.fc2(F.gelu(self.fc1(self.ln2(x))))


class Gpt(nn.Module):
    def __init__(self, words, layers, size, length):
        super().__init__()
        self.tokens, self.places = nn.Embedding(words, size), nn.Embedding(length, size)
        self.blocks = nn.ModuleList(Block(size) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(size), nn.Linear(size, words, bias=False)
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, 0, 0.02)

    def forward(self, x, t):
        h = self.tokens(x) + self.places(torch.arange(x.shape[1]))
        for block in self.blocks:
            h = block(h)
        return F.cross_entropy(self.head(self.norm(h)).flatten(0, 1), t.flatten())


class WordLstm(nn.Module):
    def __init__(self, words, layers, units, dropout):
        super().__init__()
        self.embed, self.out = nn.Embedding(words, units), nn.Linear(units, words)
        self.lstm, self.dropout = nn.LSTM(units, units, layers, dropout=dropout), nn.Dropout(dropout)
        for p in self.parameters():
            nn.init.uniform_(p, -0.05, 0.05)
        for name, p in self.lstm.named_parameters():
            if name.startswith("bias_hh"):  # Chainer and Rensa have one bias: two would learn twice as fast
                nn.init.zeros_(p)
                p.requires_grad_(False)
        self.state = None

    def forward(self, x, t):
        h, state = self.lstm(self.dropout(self.embed(x)), self.state)
        self.state = tuple(s.detach() for s in state)
        return F.cross_entropy(self.out(self.dropout(h)).flatten(0, 1), t.flatten())

    def as_rensas(self):
        """Gates i, f, g, o in blocks become a, i, f, o of each unit side by side; one bias instead of two."""
        tensors = {"embed.weight": self.embed.weight, "out.weight": self.out.weight, "out.bias": self.out.bias}

        def interleaved(w):
            i, f, g, o = w.chunk(4)
            return torch.stack([g, i, f, o], 1).flatten(0, 1)

        for layer in range(self.lstm.num_layers):
            w_x, w_h, b_x, b_h = (getattr(self.lstm, f"{n}_l{layer}") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
            tensors[f"lstm.{layer}.upward.weight"] = interleaved(w_x)
            tensors[f"lstm.{layer}.upward.bias"] = interleaved(b_x + b_h)
            tensors[f"lstm.{layer}.lateral.weight"] = interleaved(w_h)
        return tensors


def run_rensa(follow, folder, kind, tensors, batches):
    save({name: tensor.detach() for name, tensor in tensors.items()}, folder / "weights.safetensors")
    np.savez(folder / "batches.npz", **batches)
    subprocess.run([follow, kind, folder / "weights.safetensors", folder / "batches.npz", folder / "losses.npz"], check=True)
    return np.load(folder / "losses.npz")


def follow_gpt(follow, folder, text, steps):
    codes = np.unique(np.frombuffer((text / "tinyshakespeare.txt").read_bytes(), np.uint8), return_inverse=True)[1]
    words, layers, size, length, batch = int(codes.max()) + 1, 4, 256, 256, 8
    random = np.random.default_rng(1)
    places = random.integers(0, len(codes) - length - 1, (steps, batch))
    windows = codes[places[..., None] + np.arange(length + 1)]
    x, t = windows[..., :-1].astype(np.int64), windows[..., 1:].astype(np.int64)
    torch.manual_seed(1)
    model = Gpt(words, layers, size, length)
    found = run_rensa(follow, folder, "gpt", model.state_dict(), {"x": x, "t": t, "sizes": np.array([words, layers, size]), "lr": 0.05})["losses"]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)  # Adam adds eps elsewhere than Chainer does
    expected = []
    for i in range(steps):
        optimizer.zero_grad()
        loss = model(torch.from_numpy(x[i]), torch.from_numpy(t[i]))
        loss.backward()
        optimizer.step()
        expected.append(loss.item())
    expected = np.array(expected)
    worst = np.abs(found - expected) / expected
    print(f"gpt, {steps} steps: loss {expected[0]:.4f} to {expected[-1]:.4f} in PyTorch, to {found[-1]:.4f} here; the largest relative "
          f"difference is {worst.max():.1e} at step {worst.argmax() + 1}")
    assert worst.max() < 1e-3


def windows(words, batch=20, length=35):
    stretch = len(words) // batch
    rows = np.array(words[: stretch * batch]).reshape(batch, stretch)
    count = (stretch - 1) // length
    return [np.stack([rows[:, i * length + shift : (i + 1) * length + shift].T for i in range(count)]) for shift in (0, 1)]


def follow_lstm(follow, folder, text, limit, units, dropout):
    numbers = {}
    read = lambda name: [numbers.setdefault(w, len(numbers)) for line in open(text / name) for w in line.split() + ["<eos>"]]
    train, valid = read("ptb.train.txt")[:limit], read("ptb.valid.txt")
    (x, t), (judged_x, judged_t) = windows(train), windows(valid if limit > 500_000 else valid[: limit // 4])
    epochs, words, layers = 2, len(numbers), 2
    torch.manual_seed(2)
    model = WordLstm(words, layers, units, dropout)
    found = run_rensa(follow, folder, "lstm", model.as_rensas(), {
        "x": np.concatenate([x] * epochs), "t": np.concatenate([t] * epochs), "judged_x": judged_x, "judged_t": judged_t,
        "sizes": np.array([words, layers, units]), "lr": 1.0, "dropout": dropout, "epoch_steps": len(x)})["perplexities"]

    def pytorchs(dtype):
        return perplexities(dtype, words, layers, units, dropout, x, t, judged_x, judged_t, epochs)

    if dropout:
        others = pytorchs(torch.float32)
        print(f"lstm with dropout {dropout:g}, {units} units, {limit} words: perplexity after epochs 1 and 2: PyTorch {others.round(2)}, "
              f"here {found.round(2)}")
        assert max(found[1] / found[0], others[1] / others[0]) < 1
        return
    whole, exact = pytorchs(torch.float32), pytorchs(torch.float64)
    print(f"lstm, {units} units, {limit} words: perplexity after epochs 1 and 2: PyTorch in float64 {exact.round(2)}, in float32 "
          f"{whole.round(2)}, here in float32 {found.round(2)}")
    assert (np.abs(found - exact) / exact).max() < max(0.01, (np.abs(whole - exact) / exact).max())


def perplexities(dtype, words, layers, units, dropout, x, t, judged_x, judged_t, epochs):
    """After each epoch. In float64 too: with this rate a rounding grows until PyTorch's own float32 is percents away from it."""
    torch.manual_seed(2)
    model = WordLstm(words, layers, units, dropout).to(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    result = []
    for _ in range(epochs):
        model.state = None
        for i in range(len(x)):
            optimizer.zero_grad()
            model(torch.from_numpy(x[i]), torch.from_numpy(t[i])).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5)
            optimizer.step()
        model.state = None
        model.eval()
        with torch.no_grad():
            losses = [model(torch.from_numpy(a), torch.from_numpy(b)).item() for a, b in zip(judged_x, judged_t)]
        model.train()
        result.append(math.exp(np.mean(losses)))
    return np.array(result)


def main():
    follow, text = sys.argv[1], pathlib.Path(sys.argv[2])
    steps, words, units = (int(a) for a in sys.argv[3:6])
    dropout = float(sys.argv[6])
    with tempfile.TemporaryDirectory() as folder:
        if steps:
            follow_gpt(follow, pathlib.Path(folder), text, steps)
        if words:
            follow_lstm(follow, pathlib.Path(folder), text, words, units, 0)
        if words and dropout:
            follow_lstm(follow, pathlib.Path(folder), text, words, units, dropout)


if __name__ == "__main__":
    main()
