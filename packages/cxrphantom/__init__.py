"""Radiographs drawn with exact truth: films, masks, findings and their reports.

`cxrphantom.dataset.write_phantom` is the door. It imports NumPy, OpenCV and cxrbase;
no Keras, no TensorFlow, and nothing of the other packages.
"""
