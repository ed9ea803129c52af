"""Training of what ships: frames, losses, stages and the loop that runs them."""
