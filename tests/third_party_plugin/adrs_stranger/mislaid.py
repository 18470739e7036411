"""A sandbox that needs what nobody installed."""

import a_library_that_nobody_installed


class Mislaid:
    """Never loaded."""

    name = "mislaid"
    library = a_library_that_nobody_installed
