"""Keras models and layers; they know no files and import no TensorFlow."""
