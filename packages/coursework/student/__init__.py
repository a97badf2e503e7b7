"""What belongs to one student: the random seed, the predictions, the answers."""
