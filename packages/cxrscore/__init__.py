"""Scores of reports, labels and images, for any system's predictions.

Each score carries its protocol and its interval, with its baselines beside it.
It may import NumPy, pandas, SciPy, rouge-score (with NLTK), sacreBLEU, click, and
cxrbase; no TensorFlow, no Keras, and nothing of cxrlib or coursework.
"""
