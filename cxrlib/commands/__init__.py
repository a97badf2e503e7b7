"""The command line, a face over the functions that the notebooks call.

Everything heavy is imported inside a command, so that `--help` answers at once.
"""
