"""
HTTP in: translates between the phone's JSON and the use cases.
"""
