"""The system that reads one film: a probability for each of many labels.

It imports no other system.
"""
