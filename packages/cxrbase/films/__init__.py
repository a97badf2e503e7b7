"""How a film becomes a grey image: what a file is, its decoders, its range.

`cxrbase.images` is the entry: call `read_radiograph` there. From outside only `same`
and `decoder` are called, and `formats.looks_like_film`.
"""
