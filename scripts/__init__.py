"""What `make` runs before Eliot can run: a virtual environment, and a browser for the tests."""
