"""The core system: two radiographs in; reconstructions, a label and a report out.

It may import the lungs, which crop a frontal, and what is below the systems.
"""
