"""What students are given: the course without its answers, and trained models."""
