"""All tests, one folder per room."""
