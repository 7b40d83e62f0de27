"""Make `.venv` hold what a hashed requirements file names: `python3 -m scripts.environment run|dev`.

Needs a bare Python 3.11 and the network, nothing else: no uv, no ensurepip, no certificates of the system's own.
"""

import fcntl
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import sys
import urllib.request
import venv
from pathlib import Path
from urllib.parse import urljoin

from scripts import apt

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = {"run": ROOT / "requirements.txt", "dev": ROOT / "requirements-dev.txt"}
# What must import for a set to count as installed, whatever the stamp says.
PROBES = {"run": "import daphne, django, huey", "dev": "import django, mypy, playwright, pytest"}
# For a Python without ensurepip.
PIP_WHEEL = "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"


def main() -> int:
    """Install the named set unless it is there already, and stamp it for make."""
    name = sys.argv[1]
    with (ROOT / "pyproject.toml").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `make run` and `make test` may start side by side
        if not _is_installed(name):
            _ensure_venv()
            if not _install(REQUIREMENTS[name]):
                return 1
            _put_checkout_on_path()
        _stamp(name)
    return 0


def _digest(name: str) -> str:
    return hashlib.sha256(REQUIREMENTS[name].read_bytes()).hexdigest()


def _stamp_file(name: str) -> Path:
    return VENV / f"ready-to-{name}"


def _is_installed(name: str) -> bool:
    stamp = _stamp_file(name)
    return stamp.exists() and stamp.read_text() == _digest(name) and _succeeds("-c", PROBES[name])


def _stamp(name: str) -> None:
    """Note what is installed; the dev set holds the run set too."""
    for part in {name, "run"}:
        _stamp_file(part).write_text(_digest(part))


def _succeeds(*arguments: str) -> bool:
    """Return whether the environment's Python runs this without an error."""
    if not PYTHON.exists():
        return False
    return subprocess.run([PYTHON, *arguments], capture_output=True, check=False).returncode == 0


def _ensure_venv() -> None:
    if not _succeeds("-c", "import sys; sys.exit(sys.version_info < (3, 11))"):
        venv.create(VENV, clear=True, symlinks=True, with_pip=False)


def _install(requirements: Path) -> bool:
    count = len(re.findall(r"^[a-z0-9]", requirements.read_text(), re.MULTILINE | re.IGNORECASE))
    print(f"Installing {count} packages into .venv ...", file=sys.stderr, flush=True)
    return _install_with_uv(requirements) or _install_with_pip(requirements)


def _install_with_uv(requirements: Path) -> bool:
    """Take the fast road where uv is at hand, but not past an index that only pip was told of.

    What stops uv is not shown: pip tries next and says it better.
    """
    if not shutil.which("uv") or {"PIP_INDEX_URL", "PIP_NO_INDEX"} & os.environ.keys():
        return False
    # The machine's own certificates, as pip does; the option's name changed between versions.
    environment = {**os.environ, "UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
    command: list[str | Path] = ["uv", "pip", "install", "--python", PYTHON]
    command += ["--require-hashes", "-r", requirements]
    reply = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    return reply.returncode == 0


def _install_with_pip(requirements: Path) -> bool:
    if not (_has_pip() or _make_pip() or _fetch_pip()):
        return False
    return _pip("install", "--require-hashes", "-r", requirements)


def _pip(*arguments: str | Path, pip: tuple[str | Path, ...] = ("-m", "pip")) -> bool:
    options = ("--quiet", "--no-input", "--disable-pip-version-check")
    return subprocess.run([PYTHON, *pip, *arguments, *options], check=False).returncode == 0


def _has_pip() -> bool:
    return _succeeds("-m", "pip", "--version")


def _make_pip() -> bool:
    """Let Python make its pip; Debian keeps what that needs in a package of its own."""
    package = f"python3.{sys.version_info.minor}-venv"
    return _succeeds("-m", "ensurepip") or (apt.install(package) and _succeeds("-m", "ensurepip"))


def _fetch_pip() -> bool:
    """Install pip's own wheel by itself."""
    wheel = VENV / PIP_WHEEL
    try:
        wheel.write_bytes(_download_pip())
    except (OSError, ValueError) as error:
        print(f"This Python has no pip, and fetching one failed: {error}", file=sys.stderr)
        return False
    return _pip("install", "--no-index", "--no-deps", wheel, pip=(wheel / "pip",))


def _download_pip() -> bytes:
    """Return the wheel from the index that pip would ask.

    Raises:
        OSError: The index cannot be reached.
        ValueError: It has no such wheel, or another one under that name.
    """
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/pip/"
    link = re.search(rf'href="([^"#]*{re.escape(PIP_WHEEL)})[#"]', _read(index).decode())
    if not link:
        msg = f"{index} does not list {PIP_WHEEL}"
        raise ValueError(msg)
    wheel = _read(urljoin(index, link[1]))
    if hashlib.sha256(wheel).hexdigest() != PIP_SHA256:
        msg = f"{PIP_WHEEL} from {index} is not the one we know"
        raise ValueError(msg)
    return wheel


def _read(url: str) -> bytes:
    # A bare Debian has no certificates to verify with. The wheel's known hash vouches for what arrives.
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    with urllib.request.urlopen(url, context=unverified, timeout=60) as reply:  # noqa: S310 (pip's index)
        return bytes(reply.read())


def _put_checkout_on_path() -> None:
    """Make our packages importable from any folder, also after the checkout has been moved or copied."""
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    reply = subprocess.run([PYTHON, "-c", where], capture_output=True, check=True, text=True)
    packages = Path(reply.stdout.strip())
    (packages / "eliot-checkout.pth").write_text(os.path.relpath(ROOT, packages) + "\n")


if __name__ == "__main__":
    sys.exit(main())
