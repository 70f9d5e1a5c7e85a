"""Lives of the commands, forked from one process that has imported TensorFlow already.

Reads a request a line from standard input, and answers each with a line: JSON both. A life is a
process of its own that runs `train.py` or `evaluate.py` as the command line would; it may be
killed at a moment of its CPU time or of its calls to the file system, or be given a fault.
"""

import json
import os
import resource
import signal
import sys
import time
import traceback

import inject

import command
import evaluate
import train

COMMANDS = {"train.py": train.main, "evaluate.py": evaluate.main}
LONGEST = 600  # seconds of CPU; a life that hangs without any is its client's concern


def live(program, argv, output, folder, fault, kill_at_call, calls):
    """The child: never returns."""
    status = 70
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(output + name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.argv = [program, *argv]
        inject.count_calls(calls, folder, kill_at_call)
        if fault:
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


def cpu_clock(pid):
    """The number of the clock that a process's CPU time is read from (Linux)."""
    return (~pid << 3) | 2


def watch(pid, kill_at_cpu):
    """Waits for the end of a life; kills it when it has used so much CPU time."""
    while True:
        ended, status, used = os.wait4(pid, os.WNOHANG if kill_at_cpu is not None else 0)
        if ended:
            return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime
        if time.clock_gettime(cpu_clock(pid)) >= kill_at_cpu:
            os.kill(pid, signal.SIGKILL)
            kill_at_cpu = None
        time.sleep(0.0005)


def main():
    sys.dont_write_bytecode = True
    for line in sys.stdin:
        request = json.loads(line)
        kill_at_cpu = request.pop("kill_at_cpu")
        calls = inject.shared_counter()
        pid = os.fork()
        if pid == 0:
            live(**request, calls=calls)
        status, cpu = watch(pid, kill_at_cpu)
        print(json.dumps({"status": status, "cpu": cpu, "calls": calls.value}), flush=True)


if __name__ == "__main__":
    command.quiet_tensorflow()
    import loop  # noqa: F401
    import problems  # noqa: F401
    import tf1rnn.runtime.plots  # noqa: F401

    main()
