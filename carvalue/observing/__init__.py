"""
What can be seen of the service from outside: its log, its metrics and its traces.
"""
