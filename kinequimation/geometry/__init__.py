"""Rotations, cameras and alignments; numpy, and Pillow for crops."""
