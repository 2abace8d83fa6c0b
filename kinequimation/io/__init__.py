"""File formats, one a module: ``read_x`` and ``write_x``."""
