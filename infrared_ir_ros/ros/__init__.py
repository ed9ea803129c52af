"""ROS 2 nodes, and what they need: messages, parameters, QoS, diagnostics.

The only room that imports rclpy. This face imports nothing, so that a node can install its signal handlers first.
"""
