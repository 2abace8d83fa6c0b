"""The gait of a moving horse: when hooves land, strides, which gait, whether time runs true, and symmetry."""

from kinequimation.gait.names import GAITS, GaitName
from kinequimation.gait.reading import GaitReading, GaitSummary, gait_record, read_gait, write_gait_json

__all__ = ["GAITS", "GaitName", "GaitReading", "GaitSummary", "gait_record", "read_gait", "write_gait_json"]
