"""`python -m tests.stripe_simulator`: run the simulator until SIGTERM or Ctrl-C."""

import argparse
import ctypes
import os
import signal
import threading
from pathlib import Path

from .server import SimulatorServer
from .simulator import Simulator

PR_SET_PDEATHSIG = 1


def main() -> None:
    options = _options()
    if options.die_with_parent:
        _die_with_parent(options.die_with_parent)
    server = SimulatorServer(("127.0.0.1", options.port))
    simulator = Simulator(
        key=options.key,
        base_url=f"http://127.0.0.1:{server.server_port}",
        folder=options.state,
        webhook_delay=options.default_webhook_delay,
        check_replies=options.check_replies,
    )

    def stop(*_: object) -> None:
        simulator.faults.release()
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    simulator.start()
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    print("simulator ready", flush=True)
    server.serve(simulator)
    server.server_close()
    simulator.close()


def _die_with_parent(parent: int) -> None:
    """Have the kernel end this process when its parent ends, however that came about."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit("the parent is gone already")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.stripe_simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=8001, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--state", type=Path, default=None, help="folder that keeps the state; without it, memory only")
    parser.add_argument("--key", default="sk_test_simulator", help="the only API key it accepts")
    parser.add_argument("--default-webhook-delay", type=float, default=0, help="seconds before a webhook's first attempt")
    parser.add_argument("--check-replies", action="store_true", help="hold all it sends against the SDK's classes")
    parser.add_argument("--die-with-parent", type=int, default=0, metavar="PID", help="end when that parent process ends")
    return parser.parse_args()


if __name__ == "__main__":
    main()
