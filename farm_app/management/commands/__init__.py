"""One module per command of the farm."""
