"""
`python -m carvalue` is the command `carvalue`.
"""

from carvalue.cli import main

main()
