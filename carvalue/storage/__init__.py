"""
What is remembered, and where: SQLModel rows never leave this folder.
"""
