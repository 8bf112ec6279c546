"""
What people would use in place of the service: measured against it, used for nothing else.
"""
