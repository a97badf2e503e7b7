"""cxrlib: the thin package behind a course on chest X-ray report generation.

It may import coursework, cxrscore, cxrphantom and cxrbase, and they none of it.
Nothing heavy is imported here, so that the command line answers at once and
the worker processes that decode images stay small.
"""

from cxrbase import __version__

__all__ = ["__version__"]
