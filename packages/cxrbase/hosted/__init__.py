"""What a notebook does only on Colab and Kaggle: set up, keep on Drive, upload."""
