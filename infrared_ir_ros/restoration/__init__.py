"""The way of a frame: counts, estimates, one step of the diffusion prior, tone. numpy only."""

from infrared_ir_ros.restoration.restorer import Restorer, load_restorer
from infrared_ir_ros.restoration.schedule import Schedule, exact_step

__all__ = ["Restorer", "Schedule", "exact_step", "load_restorer"]
