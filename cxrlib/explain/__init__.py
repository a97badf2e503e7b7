"""Where a model looked: gradients and heat maps.

Imports `cxrlib.models`, `cxrscore` and `cxrbase`; a system's model is passed in.
"""
