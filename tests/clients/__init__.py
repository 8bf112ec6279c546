"""
Clients that are made from the OpenAPI description, and the rules that it is made by.
"""
