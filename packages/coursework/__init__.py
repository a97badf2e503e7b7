"""The coursework: notebooks run in batches, what they leave shown and graded.

`results` writes `results.json`, `record` reads it; `run` executes notebooks; `pages`
and `card` show what they left; `grade` marks what students hand in. It may import
cxrscore, cxrphantom, cxrbase, papermill, jinja2, pydantic; no cxrlib and no Keras.
"""
