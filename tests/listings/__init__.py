"""
Asking prices of one's own: their files, the market that they make, and prices by it.
"""
