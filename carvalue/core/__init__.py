"""
What carvalue knows of cars, photos and prices. Standard library only: no web, no provider, no SQL.
"""
