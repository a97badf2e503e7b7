"""cxrbase: the lowest of the five packages, which the others build on.

Files written whole or not at all, radiographs decoded, tables read, work shared among
processes, the words for what a result rests on. It imports NumPy, OpenCV and pandas,
pydicom when a DICOM file is read, h5py when a model file is checked, and nothing of
cxrlib, coursework, cxrscore or cxrphantom.
"""

__version__ = "0.1.0"
