"""The parametric horse: shape parameters, breeds, kinematics, skin."""

from kinequimation.body.horse import MATERIALS, Body
from kinequimation.body.shape import BREEDS, Shape, breed_shape, sample_breed, sample_shape

__all__ = ["BREEDS", "MATERIALS", "Body", "Shape", "breed_shape", "sample_breed", "sample_shape"]
