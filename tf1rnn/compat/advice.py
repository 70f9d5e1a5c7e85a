"""What could be done instead of a name of TensorFlow 1 that is not served."""

from __future__ import annotations

# Old path, or the start of one -> the end of the line that says it is not served.
ADVICE: dict[str, str] = {
    "contrib.estimator": "of it heads, RNN, DNN and linear estimators and early stopping are",
    "estimator": "Estimator and heads are; of the ready-made ones those of layers and linear ones",
    "contrib.learn": "Estimator with a model function and DynamicRnnEstimator are, others are not",
    **{
        f"contrib.layers.{name}": "of the columns real_valued_, one_hot_ and embedding_column are"
        for name in (
            "bucketized_column",
            "crossed_column",
            "scattered_embedding_column",
            "shared_embedding_columns",
            "sparse_column_with_keys",
            "sparse_column_with_vocabulary_file",
            "weighted_sparse_column",
        )
    },
    "contrib.distribute": "tf.distribute",
    "contrib.image": "tf.image, or the package tensorflow-addons",
    "contrib.ffmpeg": "tf.audio.decode_wav, or the package tensorflow-io",
    "contrib.lite": "tf.lite",
    "contrib.tensorrt": "tf.experimental.tensorrt",
    "contrib.quantize": "the package tensorflow-model-optimization",
    "contrib.factorization": "scikit-learn has k-means and mixtures",
    "contrib.gan": "the package tf-gan",
}
