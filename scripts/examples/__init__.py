"""
Records the examples of the OpenAPI description.
"""
