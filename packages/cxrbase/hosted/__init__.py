"""What a notebook does on Colab and Kaggle only: make ready, keep on Drive, upload."""
