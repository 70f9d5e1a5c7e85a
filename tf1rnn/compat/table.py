"""Which module serves which of TensorFlow 1's names.

Paths are written as they stood below `tensorflow`. A path may be a module that was imported
(`from tensorflow.contrib.rnn.python.ops import core_rnn_cell`) or an attribute (`tf.nn.rnn_cell`).
"""

from __future__ import annotations

CONTRIB = "tf1rnn.contrib."
RNN = (CONTRIB + "rnn",)
LINEAR = (CONTRIB + "rnn.linear",)
SEQ2SEQ = (CONTRIB + "seq2seq",)
LAYERS = (CONTRIB + "keras_layers",)
CONTRIB_LAYERS = (CONTRIB + "layers",)
FRAMEWORK = (CONTRIB + "framework",)
ESTIMATORS = tuple(f"{CONTRIB}estimator.{name}" for name in ("learn", "dynamic_rnn", "rnn_common"))
CELLS = (*RNN, *LINEAR, CONTRIB + "rnn.private")
LEGACY = (CONTRIB + "legacy_seq2seq", *LINEAR)
NEST = (CONTRIB + "nest",)
OPT = (CONTRIB + "opt",)
DISTRIBUTIONS = (CONTRIB + "distributions",)
NETWORKS = (
    "alexnet",
    "inception",
    "inception_v1",
    "inception_v2",
    "inception_v3",
    "overfeat",
    "resnet_utils",
    "resnet_v1",
    "resnet_v2",
    "vgg",
)

# Old module -> the modules that have its names, the first that has one counts.
FAMILIES: dict[str, tuple[str, ...]] = {
    # Cells and unrollers, under all the paths that they had from 0.5 to 1.15.
    "nn.rnn_cell": CELLS,
    "models.rnn.rnn": CELLS,
    "models.rnn.rnn_cell": (CONTRIB + "rnn.joined", *CELLS),
    "models.rnn.linear": CELLS,
    "models.rnn.ptb.reader": ("tf1rnn.compat.ptb_reader",),
    "python.ops.nn": CELLS,
    "python.ops.nn.rnn_cell": CELLS,
    "python.ops.nn.seq2seq": LEGACY,
    "contrib.rnn.ops.gen_gru_ops": ("tensorflow.python.ops.gen_rnn_ops",),
    "contrib.rnn.ops.gen_lstm_ops": ("tensorflow.python.ops.gen_rnn_ops",),
    "python.ops.rnn": CELLS,
    "python.ops.rnn_cell": CELLS,
    "python.ops.rnn_cell_impl": CELLS,
    "contrib.rnn": CELLS,
    "contrib.rnn.core_rnn_cell": CELLS,
    "contrib.rnn.python.ops.core_rnn": CELLS,
    "contrib.rnn.python.ops.core_rnn_cell": CELLS,
    "contrib.rnn.python.ops.core_rnn_cell_impl": CELLS,
    "contrib.rnn.python.ops.rnn": CELLS,
    "contrib.rnn.python.ops.rnn_cell": CELLS,
    "contrib.rnn.python.ops.fused_rnn_cell": CELLS,
    "contrib.rnn.python.ops.lstm_ops": CELLS,
    "contrib.rnn.python.ops.gru_ops": CELLS,
    "contrib.rnn.ops.rnn_cell": CELLS,
    # Sequence to sequence.
    "models.rnn.seq2seq": LEGACY,
    "nn.seq2seq": LEGACY,
    "python.ops.seq2seq": LEGACY,
    "contrib.legacy_seq2seq": LEGACY,
    "contrib.legacy_seq2seq.python.ops.seq2seq": LEGACY,
    "contrib.seq2seq": SEQ2SEQ,
    **{
        f"contrib.seq2seq.python.ops.{name}": (
            *SEQ2SEQ,
            f"{CONTRIB}seq2seq.{file}",
            *RNN,  # some of whose names these modules had, too: _transpose_batch_time
        )
        for name, file in {
            "attention_wrapper": "attention",
            "basic_decoder": "decoder",
            "beam_search_decoder": "beam_search",
            "beam_search_ops": "beam_search",
            "decoder": "decoder",
            "helper": "helpers",
            "loss": "loss",
            "sampler": "samplers",
            "seq2seq": "decoder",
            "decoder_fn": "decoder",
            "attention_decoder_fn": "decoder",
            "dynamic_attention_wrapper": "attention",
        }.items()
    },
    "contrib.ctc": (),  # see `old_names`
    **{f"python.ops.{name}": () for name in ("array_ops", "math_ops", "nn_ops")},  # see `INSIDE`
    "contrib.crf": (CONTRIB + "crf",),
    "contrib.crf.python.ops.crf": (CONTRIB + "crf",),
    "contrib.cudnn_rnn": (CONTRIB + "cudnn_rnn",),
    "contrib.cudnn_rnn.python.layers.cudnn_rnn": (CONTRIB + "cudnn_rnn",),
    "contrib.cudnn_rnn.python.ops.cudnn_rnn_ops": (CONTRIB + "cudnn_rnn",),
    # Layers.
    "layers": LAYERS,
    **{
        f"python.layers.{name}": LAYERS
        for name in ("base", "convolutional", "core", "layers", "normalization", "pooling")
    },
    "contrib.layers": CONTRIB_LAYERS,
    **{
        f"contrib.layers.python.layers.{name}": CONTRIB_LAYERS
        for name in (
            "layers",
            "initializers",
            "regularizers",
            "optimizers",
            "embedding_ops",
            "encoders",
            "summaries",
            "utils",
            "normalization",
            "feature_column",
            "feature_column_ops",
        )
    },
    "contrib.layers.python.layers": CONTRIB_LAYERS,
    "contrib.layers.python.ops.sparse_ops": (CONTRIB + "sparse_ops",),
    "contrib.slim": (CONTRIB + "slim",),
    **{
        path: (CONTRIB + "nets",) for path in ("contrib.slim.nets", "contrib.slim.python.slim.nets")
    },
    **{
        f"{path}.{name}": (f"{CONTRIB}nets:{name}",)
        for path in ("contrib.slim.nets", "contrib.slim.python.slim.nets")
        for name in NETWORKS
    },
    "contrib.framework": FRAMEWORK,
    "contrib.framework.python.ops": FRAMEWORK,
    **{
        f"contrib.framework.python.{name}": FRAMEWORK
        for name in (
            "framework",
            "framework.checkpoint_utils",
            "framework.experimental",
            "framework.tensor_util",
            "ops.arg_scope",
            "ops.checkpoint_ops",
            "ops.ops",
            "ops.script_ops",
            "ops.variables",
        )
    },
    "contrib.framework.nest": NEST,
    "contrib.data.python.util.nest": NEST,
    # Small parts.
    **{
        f"{path}estimator{name}": (f"{CONTRIB}estimator{part}",)
        for path in ("", "python.")
        for name, part in {
            "": "",
            ".estimator": "",
            ".export": ".export",
            ".inputs": ".inputs",
            ".model_fn": "",
            ".run_config": "",
            ".training": "",
        }.items()
    },
    "contrib.estimator": tuple(
        f"{CONTRIB}estimator.{name}"
        for name in (
            "early_stopping",
            "extenders",
            "class_heads",
            "heads",
            "ready_made",
            "rnn_estimator",
        )
    ),
    "contrib.estimator.python.estimator.head": (
        CONTRIB + "estimator.class_heads",
        CONTRIB + "estimator.heads",
    ),
    "contrib.estimator.python.estimator.extenders": (CONTRIB + "estimator.extenders",),
    "contrib.estimator.python.estimator.rnn": (CONTRIB + "estimator.rnn_estimator",),
    "contrib.estimator.python.estimator.early_stopping": (CONTRIB + "estimator.early_stopping",),
    "contrib.deprecated": ("tf1rnn.compat.old_names",),
    "contrib.stateless": (),
    "contrib.timeseries": (CONTRIB + "timeseries",),
    "contrib.timeseries.python.timeseries": (CONTRIB + "timeseries",),
    **{
        f"contrib.timeseries.python.timeseries.{name}": (f"{CONTRIB}timeseries.{file}",)
        for name, file in {
            "estimators": "regressor",
            "feature_keys": "keys",
            "input_pipeline": "inputs",
            "math_utils": "statistics",
            "model": "model",
            "state_management": "managers",
        }.items()
    },
    "contrib.eager": (CONTRIB + "eager",),
    "contrib.eager.python": (CONTRIB + "eager",),
    "contrib.eager.python.tfe": (CONTRIB + "eager",),
    "contrib.tpu": (CONTRIB + "tpu",),
    **{
        f"contrib.tpu.python.tpu.{name}": (CONTRIB + "tpu",)
        for name in ("tpu_config", "tpu_estimator", "tpu_optimizer")
    },
    "estimator.tpu": (CONTRIB + "tpu",),
    "contrib.training": (CONTRIB + "training",),
    **{
        f"contrib.training.python.training.{name}": (CONTRIB + "training",)
        for name in (
            "bucket_ops",
            "evaluation",
            "hparam",
            "sequence_queueing_state_saver",
            "training",
        )
    },
    "contrib.lookup": (CONTRIB + "lookup",),
    "contrib.lookup.lookup_ops": (CONTRIB + "lookup",),
    "contrib.data": (CONTRIB + "data",),
    **{
        f"contrib.data.python.ops.{name}": (CONTRIB + "data",)
        for name in (
            "batching",
            "dataset_ops",
            "grouping",
            "interleave_ops",
            "shuffle_ops",
            "sliding",
        )
    },
    "contrib.metrics": (CONTRIB + "metrics",),
    "contrib.metrics.python.metrics.classification": (CONTRIB + "metrics",),
    "contrib.metrics.python.ops.metric_ops": (CONTRIB + "metrics",),
    "contrib.losses": (CONTRIB + "losses",),
    "contrib.losses.python.losses.loss_ops": (CONTRIB + "losses",),
    "contrib.opt": OPT,
    **{
        f"contrib.opt.python.training.{name}": OPT
        for name in (
            "lazy_adam_optimizer",
            "moving_average_optimizer",
            "nadam_optimizer",
            "weight_decay_optimizers",
        )
    },
    "contrib.distributions": DISTRIBUTIONS,
    **{
        f"contrib.distributions.python.ops.{name}": DISTRIBUTIONS
        for name in (
            "bernoulli",
            "categorical",
            "mixture",
            "mvn_diag",
            "normal",
            "onehot_categorical",
            "relaxed_onehot_categorical",
        )
    },
    "contrib.compiler.jit": (),
    "contrib.hooks": (),
    "contrib.nn": (CONTRIB + "nn",),
    **{
        f"contrib.model_pruning{name}": (CONTRIB + "model_pruning",)
        for name in (
            "",
            ".python.layers.core_layers",
            ".python.layers.rnn_cells",
            ".python.pruning",
        )
    },
    "contrib.sparsemax": (CONTRIB + "sparsemax",),
    "contrib.grid_rnn": (CONTRIB + "grid_rnn",),
    "contrib.grid_rnn.python.ops.grid_rnn_cell": (CONTRIB + "grid_rnn",),
    "contrib.feature_column": (CONTRIB + "feature_column",),
    "contrib.feature_column.python.feature_column.sequence_feature_column": (
        CONTRIB + "feature_column",
    ),
    "contrib.predictor": (CONTRIB + "predictor",),
    "contrib.summary": (CONTRIB + "summary",),
    "contrib.summary.summary": (CONTRIB + "summary",),
    "contrib.util": (CONTRIB + "util",),
    "contrib.learn": (CONTRIB + "learn", *ESTIMATORS),
    "contrib.learn.python.learn": ESTIMATORS,
    "contrib.learn.python.learn.estimators": ESTIMATORS,
    **{
        f"contrib.learn.python.learn.estimators.{name}": ESTIMATORS[1:]
        for name in ("constants", "dynamic_rnn_estimator", "prediction_key", "rnn_common")
    },
    **{
        f"contrib.learn.python.learn{name}": ESTIMATORS[:1]
        for name in (
            ".estimators.estimator",
            ".estimators.model_fn",
            ".estimators.run_config",
            ".experiment",
            ".export_strategy",
            ".learn_runner",
            ".metric_spec",
            ".monitors",
            ".utils",
            ".utils.input_fn_utils",
            ".utils.saved_model_export_utils",
        )
    },
    "contrib.learn.monitors": (CONTRIB + "estimator.monitors",),
    "contrib.learn.python.learn.monitors": (CONTRIB + "estimator.monitors",),
    "contrib.learn.preprocessing": (CONTRIB + "learn",),
    "contrib.learn.python.learn.preprocessing": (CONTRIB + "learn",),
    "contrib.learn.python.learn.preprocessing.categorical_vocabulary": (CONTRIB + "learn",),
    "contrib.learn.python.learn.preprocessing.text": (CONTRIB + "learn",),
    **{
        f"python.training.{name}": ("tensorflow.python.checkpoint.checkpoint",)
        for name in ("checkpointable", "checkpointable.util", "tracking", "tracking.util")
    },
    "contrib.tensorboard.plugins.projector": ("tensorboard.plugins.projector",),
    "examples.tutorials.mnist.input_data": (CONTRIB + "mnist",),
    "contrib.learn.python.learn.datasets.mnist": (CONTRIB + "mnist",),
    # Keras inside of TensorFlow, of which today's copy has some parts, which fit no others.
    "python.keras": ("tf_keras.api._v1.keras",),
    "python.keras.engine.base_layer": (),
    **{
        f"python.keras.{name}": (f"tf_keras.api._v1.keras.{name}",)
        for name in (
            "activations",
            "applications",
            "backend",
            "callbacks",
            "constraints",
            "initializers",
            "layers",
            "losses",
            "metrics",
            "models",
            "optimizers",
            "regularizers",
            "utils",
            "datasets",
            *(f"datasets.{one}" for one in ("cifar10", "imdb", "mnist", "reuters")),
            "preprocessing",
            *(f"preprocessing.{one}" for one in ("image", "sequence", "text")),
        )
    },
}
