"""Run a program that the kernel ends when its parent dies: `pdeathsig.py <signal> <parent pid> <argument vector>`.

A program of its own, started by the supervisor between itself and the child: code between fork and exec
(`preexec_fn`) can deadlock in a process with threads. See prctl(2), PR_SET_PDEATHSIG; it survives exec.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Ask the kernel, check that the parent is still there, and become the program."""
    number, parent, *program = arguments
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != int(parent):
        # It died before we could ask.
        sys.exit(1)
    try:
        os.execvp(program[0], program)  # noqa: S606 - the supervisor's own argument vector
    except OSError as error:
        sys.stderr.write(f"error: cannot start {program[0]}: {os.strerror(error.errno or 0).lower()}\n")
        # EX_CONFIG: the supervisor tells it and does not try again.
        sys.exit(78)


if __name__ == "__main__":
    main(sys.argv[1:])
