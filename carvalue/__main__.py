"""
The command `carvalue`, which is `python -m carvalue` as well.
"""

import gc

# What is imported stays. The collector would look through all of it again and again, which takes
# a fifth of the start.
gc.disable()

from carvalue.cli import main  # noqa: E402

gc.enable()

if __name__ == "__main__":
    main()
