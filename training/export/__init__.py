"""Trained language models in formats that other programs read: SavedModel and ONNX."""
