"""
carvalue: two photos of a car in; the car, its specs and an honest price range out.
"""

__version__ = "0.1.0"
