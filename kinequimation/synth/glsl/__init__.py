"""The renderer's shaders, one thing that is drawn a file."""
