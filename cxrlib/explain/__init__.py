"""Where a model looked: gradients, heat maps and the pointing game.

Imports `cxrlib.models`, `cxrscore` and `cxrbase`; a system's model is passed in.
"""
