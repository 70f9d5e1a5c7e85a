"""PyTorch's way, on the processor. Beside PyTorch it needs NumPy alone: no TensorFlow."""

from __future__ import annotations

import contextlib
import itertools
from typing import Any

import numpy as np

from benchmarks.task import MINIBATCHES, Make, Step, pairs
from config import PTBConfig


def way(bfloat16: bool = False, compiled: bool = False) -> Make:
    """Its step, under bfloat16 autocast or not, under `torch.compile` or not."""

    def make(config: PTBConfig, words: np.ndarray, training: bool) -> Step:
        import torch

        torch.set_grad_enabled(training)
        model, forward = _network(config, training, bfloat16)
        optimizer = torch.optim.SGD(model.parameters(), config.learning_rate)
        run: Any = torch.compile(forward) if compiled else forward
        fed = itertools.cycle(_tensors(words))
        state = [
            torch.zeros(config.num_layers, config.batch_size, config.hidden_size) for _ in "hc"
        ]

        def step() -> float:
            nonlocal state
            cost, state = run(*next(fed), state)
            if not training:
                return cost.item()
            optimizer.zero_grad()
            cost.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
            optimizer.step()
            return cost.item()

        return step

    return make


def _network(config: PTBConfig, training: bool, bfloat16: bool) -> tuple[Any, Any]:
    """Its parts; and the function of inputs, targets and state that gives cost and state."""
    import torch

    size, drop = config.hidden_size, 1 - config.keep_prob
    parts = {
        "embedding": torch.nn.Embedding(config.vocab_size, size),
        "dropout": torch.nn.Dropout(drop),
        "lstm": torch.nn.LSTM(size, size, config.num_layers, dropout=drop),
        "softmax": torch.nn.Linear(size, config.vocab_size),
    }
    model = torch.nn.ModuleDict(parts).train(training)
    for parameter in model.parameters():
        torch.nn.init.uniform_(parameter, -config.init_scale, config.init_scale)
    entropy = torch.nn.CrossEntropyLoss(reduction="sum")
    precision: Any = contextlib.nullcontext()
    if bfloat16:
        precision = torch.autocast("cpu", torch.bfloat16)

    def forward(inputs: Any, targets: Any, state: Any) -> Any:
        with precision:
            hidden = parts["dropout"](parts["embedding"](inputs))
            hidden, state = parts["lstm"](hidden, state)
            logits = parts["softmax"](parts["dropout"](hidden))
        cost = entropy(logits.float().flatten(0, 1), targets.flatten()) / config.batch_size
        return cost, [part.detach().float() for part in state]

    return model, forward


def _tensors(words: np.ndarray) -> list[list[Any]]:
    """Inputs and targets of all minibatches, int64 `[num_steps, batch_size]`."""
    import torch

    return [
        [torch.from_numpy(one.T.astype(np.int64)) for one in pair]
        for pair in itertools.islice(pairs(words), MINIBATCHES)
    ]
