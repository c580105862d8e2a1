"""Words and shapes: names, errors, conditions and the port; pure values and functions only."""
