"""
How well the merging does on answers whose car is known: an operator's own, or the history's.
"""
