"""cxrbase: the ground floor, on which the other four packages stand.

Files written whole or not at all, radiographs decoded, work shared among processes,
the words for what a result rests on. It imports NumPy, OpenCV and pandas, pydicom
when a DICOM file is read, and nothing of cxrlib, coursework, cxrscore or cxrphantom.
"""

__version__ = "0.1.0"
