"""Other people's checkpoints: nothing unpickled, all tensors loaded or none."""
