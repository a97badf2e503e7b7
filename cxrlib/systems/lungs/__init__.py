"""The system that finds the lungs on a frontal, and crops it to them.

It imports no other system.
"""
