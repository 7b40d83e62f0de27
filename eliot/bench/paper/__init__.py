"""Farms on paper: seconds are added up instead of waited for, so that thousands of rounds take a minute."""
