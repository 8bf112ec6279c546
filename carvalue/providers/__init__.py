"""
Those we ask: one file per provider. They know no web framework, no SQL, and not each other.
"""
