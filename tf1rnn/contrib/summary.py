"""`tf.contrib.summary`: summaries that are ops of their own, written while the graph runs.

TensorFlow still carries them. Without a writer, or where none is to record, they do nothing.
"""

from tensorflow.python.ops.summary_ops_v2 import (
    all_v2_summary_ops as all_summary_ops,
)
from tensorflow.python.ops.summary_ops_v2 import (
    always_record_summaries,
    audio,
    create_file_writer,
    create_summary_file_writer,
    eval_dir,
    flush,
    generic,
    histogram,
    image,
    import_event,
    initialize,
    never_record_summaries,
    record_summaries_every_n_global_steps,
    scalar,
    should_record_summaries,
    summary_writer_initializer_op,
)
from tensorflow.python.ops.summary_ops_v2 import (
    graph_v1 as graph,
)

__all__ = [
    "all_summary_ops",
    "always_record_summaries",
    "audio",
    "create_file_writer",
    "create_summary_file_writer",
    "eval_dir",
    "flush",
    "generic",
    "graph",
    "histogram",
    "image",
    "import_event",
    "initialize",
    "never_record_summaries",
    "record_summaries_every_n_global_steps",
    "scalar",
    "should_record_summaries",
    "summary_writer_initializer_op",
]
