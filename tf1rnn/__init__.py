"""Recurrent networks of TensorFlow 1, in graph mode, on today's TensorFlow."""
