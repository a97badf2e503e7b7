"""Collections in layouts of their own, read into tables; pandas and cxrbase alone."""
