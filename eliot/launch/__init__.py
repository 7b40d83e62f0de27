"""Starting Eliot: the run lock, the demo farm's child, the worker threads and the server as one family."""
