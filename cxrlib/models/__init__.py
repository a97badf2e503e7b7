"""Keras models, layers, losses and metrics, and the tokenizer that is saved in them.

Imports `cxrbase` alone; no TensorFlow, for Keras chooses the backend.
"""
