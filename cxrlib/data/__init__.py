"""From a folder of radiographs and reports to batches; knows no model.

The path: sources → studies → splits → prepare (workers, shards) → pipeline, or
memory_map. Only `pipeline` and `shards` touch TensorFlow; of the other packages only
cxrbase is imported, and by the readers of labels cxrscore and cxrphantom.
"""
