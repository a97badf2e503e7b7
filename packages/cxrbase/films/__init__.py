"""How a film becomes a grey image: what a file is, its decoders, its range.

`cxrbase.images` is the door: whoever wants a film calls `read_radiograph` there. From
outside only `same` and `decoder` are called, and `formats.looks_like_film`.
"""
