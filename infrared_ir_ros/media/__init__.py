"""Frames in and out of files: pictures, videos, CPTV sequences and rosbag2 bags, hostile ones included.
No ROS needed: bags go through `rosbags`."""

from infrared_ir_ros.media.atomic import write_atomically
from infrared_ir_ros.media.frames import Frame, Source
from infrared_ir_ros.media.images import PictureFolder, read_image, write_image
from infrared_ir_ros.media.sources import open_source
from infrared_ir_ros.media.video import VideoWriter, can_write_video

__all__ = [
    "Frame",
    "PictureFolder",
    "Source",
    "VideoWriter",
    "can_write_video",
    "open_source",
    "read_image",
    "write_atomically",
    "write_image",
]
