"""How a film becomes a grey image: what a file is, its decoders, its range.

`cxrbase.images.read_radiograph` is the door; nothing else need be called from outside.
"""
