"""Management commands of the farm."""
