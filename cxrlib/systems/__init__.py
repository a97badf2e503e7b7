"""The systems, a room for each: `model`, `recipe`, `train`, `predict`.

They build on models, data, pretrained weights and `cxrlib.training`; only the course
and the commands import them. What two systems share moves below them.
"""
