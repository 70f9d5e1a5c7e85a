"""The table of what is compared. Importing it imports no framework; making a step does."""

from __future__ import annotations

from benchmarks import keras3, ours, pytorch, tf1
from benchmarks.task import Side

OURS = {
    "float32": Side(
        "this toolkit: what train.py and evaluate.py run", ours.in_precision("float32")
    ),
    "bfloat16": Side("the same with --precision bfloat16", ours.in_precision("bfloat16")),
}
ALTERNATIVES = {
    "tf1": Side("TensorFlow 1's BasicLSTMCell and dynamic_rnn, session.run", tf1.make),
    "torch": Side("PyTorch nn.LSTM, nn.Linear and cross-entropy", pytorch.way(), in_torch=True),
    "torch_compiled": Side(
        "the same under torch.compile", pytorch.way(compiled=True), in_torch=True
    ),
    "torch_bf16": Side(
        "PyTorch under bfloat16 autocast", pytorch.way(bfloat16=True), in_torch=True
    ),
    "torch_bf16_compiled": Side(
        "the same under torch.compile", pytorch.way(bfloat16=True, compiled=True), in_torch=True
    ),
    "keras": Side("Keras 3 LSTM and Dense under tf.function", keras3.make),
}
LIMITS = {
    precision: Side(
        f"the fastest of {len(ours.SHAPES)} large products in {precision}, by TensorFlow"
        + (" and NumPy" if precision == "float32" else ""),
        ours.fastest_product(precision),
    )
    for precision in OURS
}
KINDS = {"ours": OURS, "alternative": ALTERNATIVES, "limit": LIMITS}
