"""cxrlib: the thin package behind a course on chest X-ray report generation.

Nothing heavy is imported here, so that the command line answers at once and
the worker processes that decode images stay small.
"""

__version__ = "0.1.0"
