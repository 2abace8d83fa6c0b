"""Label files: readers, writers and their checks."""
