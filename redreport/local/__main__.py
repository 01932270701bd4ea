"""`python -m redreport.local`: the whole of Red Report Live on one machine."""

import argparse
import os
import signal
import sys
from pathlib import Path

from redreport.local.configuration import Configuration, ConfigurationError
from redreport.local.console import Console
from redreport.local.demo_accounts import DEMO_ACCOUNTS
from redreport.local.embedded import EmbeddedUnavailableError
from redreport.local.locks import FolderInUseError, folder_to_ourselves
from redreport.local.processes import die_with_parent
from redreport.local.supervisor import REPOSITORY, Supervisor

HIGHEST_PORT = 65_533


def port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"must lie between 1 and {HIGHEST_PORT}: the next two ports are used as well")
    return number


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m redreport.local", description=__doc__)
    default_port = os.environ.get("PORT", "8000")
    parser.add_argument("--port", type=port, default=default_port, help="the web server's; the next two follow")
    parser.add_argument("--run-dir", type=Path, default=REPOSITORY / ".run", help="where all state lies")
    parser.add_argument(
        "--end-with-parent", action="store_true", help="stop in order when the process that started this one is gone"
    )
    arguments = parser.parse_args()
    if arguments.end_with_parent:
        die_with_parent(signal.SIGTERM, os.getppid())
    try:
        configuration = Configuration.read(arguments.run_dir.resolve(), arguments.port, os.environ)
        password = configuration.secret("demo-password")
        accounts = [(label, f"{email}, password {password}") for label, email in DEMO_ACCOUNTS]
        with folder_to_ourselves(configuration.run_dir) as children_lock:
            return Supervisor(configuration, children_lock, Console(configuration, accounts)).run()
    except (ConfigurationError, EmbeddedUnavailableError, FolderInUseError) as refusal:
        print(refusal, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
