"""Demo nodes forked from a process that has imported them: each is a real process, there within milliseconds.

Reads a spec file and a file for its first words per line, with a tab between; prints the new node's process id.
"""

import os
import signal
import sys

from farm_app.demo.__main__ import main


def be_a_node(specs: str, words: str) -> None:
    """Become the node; nothing of the nursery's own pipes stays open."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    said = os.open(words, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(said, 1)
    os._exit(main(["--specs", specs]))


def nurse() -> None:
    """Fork until stdin ends; the nodes die with their parent."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no care
    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            be_a_node(*line.rstrip("\n").split("\t"))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    nurse()
