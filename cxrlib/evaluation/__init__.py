"""Figures with their protocols; knows neither the data's origin nor the training."""
