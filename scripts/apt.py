"""Install Debian packages without a prompt, where that is possible."""

import os
import shutil
import subprocess
import sys


def install(*packages: str) -> bool:
    """Return whether apt installed the packages; False at once where we are not root or there is no apt."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    print(f"Installing {', '.join(packages)} with apt ...", file=sys.stderr, flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # An update may fail for one foreign source and still have refreshed Debian's: the install decides.
    _apt(quiet, "update")
    return _apt(quiet, "install", "--yes", "--no-install-recommends", *packages)


def _apt(environment: dict[str, str], *arguments: str) -> bool:
    command = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120", *arguments]
    # What it says on the way is of no use; what went wrong is on stderr.
    silent = subprocess.DEVNULL
    return subprocess.run(command, env=environment, stdout=silent, check=False).returncode == 0
