"""`tf.estimator` of TensorFlow 1: a model function that is trained, and some ready-made ones."""

from tf1rnn.contrib.estimator import export, inputs
from tf1rnn.contrib.estimator.class_heads import BinaryClassHead, MultiClassHead, MultiLabelHead
from tf1rnn.contrib.estimator.config import RunConfig
from tf1rnn.contrib.estimator.early_stopping import experimental
from tf1rnn.contrib.estimator.estimator import Estimator
from tf1rnn.contrib.estimator.exporters import (
    BestExporter,
    Exporter,
    FinalExporter,
    LatestExporter,
)
from tf1rnn.contrib.estimator.heads import Head, RegressionHead
from tf1rnn.contrib.estimator.ready_made import (
    DNNClassifier,
    DNNEstimator,
    DNNRegressor,
    LinearClassifier,
    LinearEstimator,
    LinearRegressor,
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
    "BinaryClassHead",
    "DNNClassifier",
    "DNNEstimator",
    "DNNRegressor",
    "Estimator",
    "EstimatorSpec",
    "EvalSpec",
    "Exporter",
    "FinalExporter",
    "Head",
    "LatestExporter",
    "LinearClassifier",
    "LinearEstimator",
    "LinearRegressor",
    "ModeKeys",
    "MultiClassHead",
    "MultiLabelHead",
    "RegressionHead",
    "RunConfig",
    "TrainSpec",
    "WarmStartSettings",
    "experimental",
    "export",
    "inputs",
    "train_and_evaluate",
]
