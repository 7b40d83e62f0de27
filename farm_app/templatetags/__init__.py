"""Filters that the templates of the farm share."""
