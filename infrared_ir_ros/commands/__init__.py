"""Console commands: each is one typed function, whose signature and docstring are its parser and help."""
