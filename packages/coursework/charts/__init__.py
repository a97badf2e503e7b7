"""What all figures share, and those that need no model: curves, counts, scores."""
