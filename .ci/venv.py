"""Makes or updates `.venv` for make; standard library only, run by whichever Python make found.

A folder and a file of pins as arguments make another environment. Several makes may run at once in
one clone: a lock inside the folder lets one work and the rest wait.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

FOLDER, REQUIREMENTS = sys.argv[1:] or (".venv", "requirements-dev.txt")
STAMP = os.path.join(FOLDER, ".stamp")
LOCK = os.path.join(FOLDER, ".lock")
MINOR = "{}.{}".format(*sys.version_info)
PYTHON = os.path.join(FOLDER, "bin", "python")


def main():
    os.makedirs(FOLDER, exist_ok=True)
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if read(STAMP) != wanted():
            install()
            with open(STAMP, "w") as stamp:
                stamp.write(wanted())
        # Make compares ages: the stamp has to be younger than the requirements.
        os.utime(STAMP)


def wanted():
    """What the environment was made from: the pins and the Python's minor version."""
    with open(REQUIREMENTS, "rb") as requirements:
        digest = hashlib.sha256(requirements.read()).hexdigest()
    return f"{MINOR} {digest}\n"


def install():
    print(f"setting up {FOLDER} with Python {MINOR}, once", file=sys.stderr)
    if not is_usable():
        clear()
        run([sys.executable, "-m", "venv", FOLDER], f"could not make {FOLDER}")
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    # Python compiles what is imported when it is; compiling it all here is a third of the wait.
    run(
        [*pip, "--no-compile", "--requirement", REQUIREMENTS],
        "pip could not install the pins (no network?)",
    )


def is_usable():
    """Whether the folder holds a working Python of the same minor version, with pip."""
    code = "import pip, sys; print('%d.%d' % sys.version_info[:2])"
    try:
        found = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True)  # noqa: S603
    except OSError:
        return False
    return found.stdout.strip() == MINOR


def clear():
    # The lock's file stays, because a make that waits for it holds this very file.
    for entry in os.scandir(FOLDER):
        if entry.path == LOCK:
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def run(command, failure):
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        lines = [
            line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line.upper()
        ]
        reason = lines[-1].strip() if lines else f"exit code {done.returncode}"
        sys.exit(f"make: {failure}: {reason}")


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("make: interrupted; run it again to go on")
