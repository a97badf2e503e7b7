"""From a folder of radiographs and reports to batches; knows no model."""
