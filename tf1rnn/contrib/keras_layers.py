"""`tf.layers` of TensorFlow 1, served by tf-keras.

The names are those of `tf.layers` and of the modules `tensorflow.python.layers`. They are looked up
when they are asked for: tf-keras is imported then, whatever Keras `tf.keras` is.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from tf1rnn.contrib.extras import load

_LEGACY = "tf_keras.api._v1.keras.__internal__.legacy.layers"

_CLASSES = (
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "BatchNormalization",
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Dense",
    "Dropout",
    "Flatten",
    "InputSpec",
    "Layer",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "SeparableConv1D",
    "SeparableConv2D",
)
_FUNCTIONS = (
    "average_pooling1d",
    "average_pooling2d",
    "average_pooling3d",
    "batch_normalization",
    "conv1d",
    "conv2d",
    "conv2d_transpose",
    "conv3d",
    "conv3d_transpose",
    "dense",
    "dropout",
    "flatten",
    "max_pooling1d",
    "max_pooling2d",
    "max_pooling3d",
    "separable_conv1d",
    "separable_conv2d",
)
# Other names of the same, in `tensorflow.python.layers`.
_ALIASES = {
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "AvgPool3D": "AveragePooling3D",
    "BatchNorm": "BatchNormalization",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3D": "Conv3D",
    "Convolution3DTranspose": "Conv3DTranspose",
    "Deconv2D": "Conv2DTranspose",
    "Deconv3D": "Conv3DTranspose",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "FullyConnected": "Dense",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "MaxPool3D": "MaxPooling3D",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "average_pool2d": "average_pooling2d",
    "avg_pool1d": "average_pooling1d",
    "avg_pool2d": "average_pooling2d",
    "avg_pool3d": "average_pooling3d",
    "batch_norm": "batch_normalization",
    "convolution1d": "conv1d",
    "convolution2d": "conv2d",
    "convolution2d_transpose": "conv2d_transpose",
    "convolution3d": "conv3d",
    "convolution3d_transpose": "conv3d_transpose",
    "deconv2d": "conv2d_transpose",
    "deconv3d": "conv3d_transpose",
    "deconvolution2d": "conv2d_transpose",
    "deconvolution3d": "conv3d_transpose",
    "fully_connected": "dense",
    "max_pool1d": "max_pooling1d",
    "max_pool2d": "max_pooling2d",
    "max_pool3d": "max_pooling3d",
    "separable_convolution2d": "separable_conv2d",
}
_NAMES = frozenset((*_CLASSES, *_FUNCTIONS, *_ALIASES, "Input", "experimental"))


def __getattr__(name: str) -> Any:
    """A name of `tf.layers`. Raises ImportError where tf-keras is missing."""
    if name not in _NAMES:
        raise AttributeError(f"tf.layers has no {name}")
    if name == "Input":
        return load("tf_keras.api._v1.keras", "tf-keras", "tf.layers").Input
    name = _ALIASES.get(name, name)
    found = getattr(load(_LEGACY, "tf-keras", "tf.layers"), name)
    return _quiet(found) if name in _FUNCTIONS else found


def __dir__() -> list[str]:
    return sorted(_NAMES)


@functools.cache
def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function without its advice, at every call, to use Keras instead."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="`tf.layers.", category=UserWarning)
            return function(*args, **options)

    return call
