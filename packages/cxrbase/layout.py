"""The Indiana collection on Kaggle, which the phantom copies: layout and indexing."""

REPORTS = "indiana_reports.csv"
PROJECTIONS = "indiana_projections.csv"
IMAGES = "images/images_normalized"
PHANTOM_NOTE = "phantom.json"  # Marks a folder as drawn.

# === Words of its columns MeSH and Problems ===

NORMAL = "normal"
NO_INDEXING = "No Indexing"  # The collection's missing value; never empty.
_PLACES = """
    abdomen; aorta; aorta, thoracic; aortic valve; blood vessels; breast; bronchi;
    cervical vertebrae; clavicle; coronary vessels; esophagus; heart atria; heart
    ventricles; humerus; lumbar vertebrae; mediastinum; mitral valve; neck;
    paratracheal; pulmonary artery; ribs; shoulder; soft tissue; spine; sternum;
    thoracic vertebrae; trachea; trachea, carina
"""
# At one of these places a heading, such as a nodule, is not one of the lungs.
ELSEWHERE = frozenset(" ".join(_PLACES.split()).split("; "))
