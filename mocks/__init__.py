"""
The providers' stand-ins, at the providers' own paths; they never import carvalue.
"""
