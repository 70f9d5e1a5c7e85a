"""Lives of the commands, forked from one process that has imported TensorFlow already.

Reads a request a line from standard input, and answers each with a line: JSON both. A life is a
process of its own that runs `train.py` or `evaluate.py` as the command line would. It may be
killed at a moment of its CPU time or at one of its calls to the file system, or be given a fault.
No session is opened here: its threads would be lost in a fork.
"""

import fcntl
import json
import os
import resource
import signal
import sys
import time
import traceback

import inject

import evaluate
import problems
import train

# What a life would import is imported once for all of them.
import training.pictures.curves
import training.prepare  # noqa: F401
from training import command

problems.list_presets()  # imports every problem
COMMANDS = {"train.py": train.main, "evaluate.py": evaluate.main}
LONGEST = 600  # seconds of CPU; a life that hangs without any is its client's concern


def live(outputs, program, argv, folder, faults, calls, kill_at_call):
    """The child: runs the command and never returns."""
    status = 70
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
        for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), *outputs)):
            os.dup2(descriptor, number)
        sys.argv = [program, *argv]
        inject.count_calls(calls, folder, kill_at_call)
        for fault in faults:
            inject.arm(*fault)
        command.run(lambda: COMMANDS[program](argv))
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def watch(pid, kill_at_cpu):
    """Waits for the end of a life; kills it when it has used so many seconds of CPU."""
    clock = (~pid << 3) | 2  # the number of the clock of a process's CPU time on Linux
    while True:
        ended, status, used = os.wait4(pid, 0 if kill_at_cpu is None else os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime
        if time.clock_gettime(clock) >= kill_at_cpu:
            os.kill(pid, signal.SIGKILL)
            kill_at_cpu = None
        else:
            time.sleep(0.0005)


def begin(request):
    """Starts a life and waits for its end; what there is to say of it."""
    kill_at_cpu, calls = request.pop("kill_at_cpu"), inject.shared_counter()
    pipes = [os.pipe(), os.pipe()]
    for _, end in pipes:
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 1 << 20)  # they are read when the life has ended
    pid = os.fork()
    if pid == 0:
        live([end for _, end in pipes], calls=calls, **request)
    status, cpu = watch(pid, kill_at_cpu)
    said = []
    for source, end in pipes:
        os.close(end)
        with os.fdopen(source, "rb") as file:
            said.append(file.read().decode())
    return {"status": status, "cpu": cpu, "calls": calls.value, "out": said[0], "err": said[1]}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(begin(json.loads(line))), flush=True)
