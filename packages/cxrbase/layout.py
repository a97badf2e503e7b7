"""Where the Indiana collection lies, as Kaggle has it; the phantom copies that."""

REPORTS = "indiana_reports.csv"
PROJECTIONS = "indiana_projections.csv"
IMAGES = "images/images_normalized"
PHANTOM_NOTE = "phantom.json"  # Marks a folder as drawn.
