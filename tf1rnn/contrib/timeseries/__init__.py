"""`tf.contrib.timeseries`: models of one's own that walk along a series of numbers.

Of its ready-made models there are none. A model is a `SequentialTimeSeriesModel`, such as an LSTM,
which `TimeSeriesRegressor` trains on windows of the series that a reader reads.
"""

from tf1rnn.contrib.timeseries import inputs as input_pipeline
from tf1rnn.contrib.timeseries import keys as feature_keys
from tf1rnn.contrib.timeseries import managers as state_management
from tf1rnn.contrib.timeseries import model, statistics
from tf1rnn.contrib.timeseries import regressor as estimators
from tf1rnn.contrib.timeseries import statistics as math_utils
from tf1rnn.contrib.timeseries.inputs import (
    CSVReader,
    NumpyReader,
    RandomWindowInputFn,
    WholeDatasetInputFn,
    predict_continuation_input_fn,
)
from tf1rnn.contrib.timeseries.keys import (
    FilteringResults,
    PredictionFeatures,
    PredictionResults,
    TrainEvalFeatures,
)
from tf1rnn.contrib.timeseries.regressor import TimeSeriesRegressor

__all__ = [
    "CSVReader",
    "FilteringResults",
    "NumpyReader",
    "PredictionFeatures",
    "PredictionResults",
    "RandomWindowInputFn",
    "TimeSeriesRegressor",
    "TrainEvalFeatures",
    "WholeDatasetInputFn",
    "estimators",
    "feature_keys",
    "input_pipeline",
    "math_utils",
    "model",
    "predict_continuation_input_fn",
    "state_management",
    "statistics",
]
