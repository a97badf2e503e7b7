"""Figures with sliders: a pure function draws each, a thin board asks for values.

A board shows the figure in every executed notebook, and the sliders beside it wherever
ipywidgets is there and a page can reach the kernel.
"""
