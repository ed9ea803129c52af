"""The exceptions of the package.

Each message says what was wrong, with the value, and what to do.
"""


class InfraredError(Exception):
    """Base of every error that this package raises on purpose."""


class FrameError(InfraredError):
    """A frame cannot be restored: wrong shape, dtype, encoding or content."""


class OptionError(InfraredError, ValueError):
    """A setting has a value that is out of range or unknown."""


class WeightsError(InfraredError):
    """Weights are missing, damaged, or not those that the manifest names."""


class SourceError(InfraredError):
    """A file, folder, video or bag cannot be read or written."""
