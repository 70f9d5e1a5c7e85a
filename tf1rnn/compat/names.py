"""Modules and single names of TensorFlow 1 that today's TensorFlow or the library has elsewhere."""

from __future__ import annotations

# Old module -> the module of today's public names that has the same ones, and what lies below it.
SAME: dict[str, str] = {
    "contrib.cluster_resolver": "distribute.cluster_resolver",
    "contrib.keras": "keras",
    "contrib.signal": "signal",
}

# A module of TensorFlow's inside -> the public one that has the same names. Those inside took the
# arguments of all versions; today the public ones alone do.
INSIDE: dict[str, str] = {
    "python.ops.array_ops": "",
    "python.ops.math_ops": "",
    "python.ops.nn_ops": "nn",
}

# Single names that went elsewhere, or that the library has in place of TensorFlow's.
NAMES: dict[str, str] = {
    "enable_eager_execution": "tf1rnn.contrib.eager:enable_eager_execution",
    **{
        f"nn.{name}": f"tf1rnn:{name}"
        for name in (
            "bidirectional_dynamic_rnn",
            "dynamic_rnn",
            "raw_rnn",
            "static_bidirectional_rnn",
            "static_rnn",
            "static_state_saving_rnn",
        )
    },
    **{
        f"estimator.{name}": f"tensorflow.compat.v1.train:{name}"
        for name in (
            "CheckpointSaverHook",
            "CheckpointSaverListener",
            "FeedFnHook",
            "FinalOpsHook",
            "GlobalStepWaiterHook",
            "LoggingTensorHook",
            "NanLossDuringTrainingError",
            "NanTensorHook",
            "ProfilerHook",
            "SecondOrStepTimer",
            "SessionRunArgs",
            "SessionRunContext",
            "SessionRunHook",
            "SessionRunValues",
            "StepCounterHook",
            "StopAtStepHook",
            "SummarySaverHook",
            "VocabInfo",
        )
    },
    "python.keras.engine.base_layer.Layer": "tf_keras.api._v1.keras.layers:Layer",
    "contrib.hooks.ProfilerHook": "tensorflow.compat.v1.train:ProfilerHook",
    "contrib.compiler.jit.experimental_jit_scope": (
        "tensorflow.compat.v1.xla.experimental:jit_scope"
    ),
    "contrib.deprecated.merge_all_summaries": "tensorflow.compat.v1.summary:merge_all",
    "contrib.deprecated.merge_summary": "tensorflow.compat.v1.summary:merge",
    **{
        f"contrib.stateless.stateless_{name}": f"tensorflow.compat.v1.random:stateless_{today}"
        for name, today in {
            "multinomial": "multinomial",
            "random_normal": "normal",
            "random_uniform": "uniform",
            "truncated_normal": "truncated_normal",
        }.items()
    },
}
