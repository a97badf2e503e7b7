"""Pretrained weights, ours and others': registry, download, and strict readers.

A file is loaded whole or not at all, and nothing is unpickled. Imports `cxrlib.models`
and `cxrbase`; it knows no system and no data.
"""
