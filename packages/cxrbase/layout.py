"""The layout of the Indiana collection on Kaggle, which the phantom copies."""

REPORTS = "indiana_reports.csv"
PROJECTIONS = "indiana_projections.csv"
IMAGES = "images/images_normalized"
PHANTOM_NOTE = "phantom.json"  # Marks a folder as drawn.
