"""From a folder of radiographs and reports to batches; knows no model.

The way: sources → studies → splits → prepare (workers, shards) → pipeline, or
memory_map. Only `pipeline` and `shards` touch TensorFlow; of the house only cxrbase
is imported.
"""
