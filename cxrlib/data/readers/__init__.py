"""Collections in layouts of their own, read into tables.

`labelled` is the one face of all that have labels; the others are a collection each.
"""
