"""Weights that others or we have trained: registry, download, and strict readers.

A file is loaded whole or not at all, and nothing is unpickled. Imports `cxrlib.models`
and `cxrbase`; knows no system and no data.
"""
