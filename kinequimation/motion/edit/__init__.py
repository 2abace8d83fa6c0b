"""Edits that everybody needs of a motion: smoothed, looped, at another frame rate, in place, with a rest pose first.

``edit`` does what ``Edits`` asks for, in the one order in which the edits do not undo each other::

    smooth        smoothing.py   less shake; planted hooves stay where they stood
    loop          loop.py        a whole number of strides that begins as it ends, at the wanted frame rate
    fps           sampling.py    another frame rate (with ``loop``: done there, in one interpolation)
    in_place      place.py       the way over the ground taken out, facing −Y
    rest_first    place.py       the rest pose as the first frame

``planting.py`` keeps the toes of standing hooves in their places after an edit has moved the rest of the horse.

Each is a function of its own as well, ``Motion`` in and ``Motion`` out. They work in pieces: beside the motion that
comes out, memory does not grow with the number of frames.
"""

from kinequimation.motion.edit.edits import Edited, Edits, edit

__all__ = ["Edited", "Edits", "edit"]
