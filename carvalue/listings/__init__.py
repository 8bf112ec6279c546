"""
A team's own asking prices: read from their file, kept, cleaned, and made into a price.
"""
