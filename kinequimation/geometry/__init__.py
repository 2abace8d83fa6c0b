"""Rotations, cameras and alignments; numpy only."""
