"""`tf.estimator` of TensorFlow 1 without its ready-made models: a model function, trained."""

from tf1rnn.contrib.estimator import export, inputs
from tf1rnn.contrib.estimator.config import RunConfig
from tf1rnn.contrib.estimator.early_stopping import experimental
from tf1rnn.contrib.estimator.estimator import Estimator
from tf1rnn.contrib.estimator.exporters import (
    BestExporter,
    Exporter,
    FinalExporter,
    LatestExporter,
)
from tf1rnn.contrib.estimator.spec import (
    EstimatorSpec,
    EvalSpec,
    ModeKeys,
    TrainSpec,
    WarmStartSettings,
)
from tf1rnn.contrib.estimator.training import train_and_evaluate

__all__ = [
    "BestExporter",
    "Estimator",
    "EstimatorSpec",
    "EvalSpec",
    "Exporter",
    "FinalExporter",
    "LatestExporter",
    "ModeKeys",
    "RunConfig",
    "TrainSpec",
    "WarmStartSettings",
    "experimental",
    "export",
    "inputs",
    "train_and_evaluate",
]
