"""The supervisor of `make run`: starts the stack, watches it, and stops it in the order in which nothing is lost.

A process that dies by itself stops the stack, with its name, the end of its log and a non-zero exit: restarting it silently would
hide the fault from the person who is developing it, and everything that was accepted is in the database and the broker's file.
If the supervisor itself is killed, the kernel ends every process (see processes.py) and the next start takes over.
"""

import http.client
import signal
import socket
import time
from pathlib import Path
from types import FrameType

from redreport.local import mailcatcher
from redreport.local.configuration import Configuration, ConfigurationError
from redreport.local.console import Console
from redreport.local.embedded import private_folder
from redreport.local.processes import Process, ProcessFailedError, python_module, start_process

# New work is no longer taken in, running work is finished, then what both leaned on is stopped.
STOP_ORDER = ("prepare", "web", "beat", "worker-stripe", "worker-mail", "mail", "simulator", "broker", "database")
# Each worker with its queues and how many tasks it runs at once. Mail never waits for Stripe.
WORKERS = {"worker-stripe": (("stripe",), 2), "worker-mail": (("mail", "celery"), 1)}
LOG_BYTES_KEPT = 5_000_000
REPOSITORY = Path(__file__).resolve().parents[2]


class StopRequested(BaseException):
    """Somebody asked the stack to stop while it was starting."""


class Supervisor:
    """One stack in one folder. `children_lock` is the descriptor that every child inherits."""

    def __init__(self, configuration: Configuration, children_lock: int, console: Console) -> None:
        self.configuration = configuration
        self.console = console
        self.processes: dict[str, Process] = {}
        self._children_lock = children_lock
        self._asked_to_stop = 0
        self._starting = True

    def run(self) -> int:
        """Start, watch and stop the stack. Returns the exit code: 0 if it was asked to stop."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            self.start()
            self._starting = False
            self.console.ready()
            dead = self.watch()
        except StopRequested:
            dead = None
        except ProcessFailedError as failure:
            self.console.problem(str(failure))
            return 1
        finally:
            self._starting = False
            self.stop()
        if dead:
            self.console.problem(f"{dead.name} ended by itself with code {dead.exit_code}\n{dead.log_tail()}")
            return 1
        self.console.say("Stopped.")
        return 0

    def start(self) -> None:
        configuration = self.configuration
        listening = take_port(configuration.port, "the web server")
        with listening:
            if configuration.simulates_stripe:
                take_port(configuration.simulator_port, "the Stripe simulator").close()
            if configuration.catches_mail:
                take_port(configuration.mail_port, "the mail catcher").close()
            self.console.say("Starting the services …")
            self._start_services()
            self.console.say("Preparing the database, Stripe's products and the demo data …")
            self._prepare()
            self.console.say("Starting web, workers and beat …")
            self._start_web(listening)
        self._start_workers()
        self.processes["web"].wait_until(lambda: answers(configuration.port, "/readyz"), seconds=60)
        for name in WORKERS:
            self.processes[name].wait_until_it_says(" ready.")
        # Last, since nobody waits for it: the others have the machine to themselves until they answer.
        self._start_beat()

    def watch(self) -> Process | None:
        """Return the first process that ended by itself, or None when somebody asked us to stop."""
        while not self._asked_to_stop:
            self.console.follow(self.processes)
            for process in self.processes.values():
                if process.exit_code is not None:
                    return process
            time.sleep(0.2)
        return None

    def stop(self) -> None:
        """Stop what runs, in order. Asked a second time, it no longer waits for anything but the database."""
        asked_before = self._asked_to_stop
        for name in STOP_ORDER:
            if process := self.processes.get(name):
                patient = name == "database"
                process.stop(lambda patient=patient: not patient and self._asked_to_stop > max(asked_before, 1))  # type: ignore[misc]

    def _start_services(self) -> None:
        configuration = self.configuration
        if configuration.simulates_stripe:
            arguments = ["--port", str(configuration.simulator_port), "--state", str(configuration.stripe_folder)]
            key = configuration.environment()["STRIPE_SECRET_KEY"]
            self._start_python("simulator", "tests.stripe_simulator", *arguments, "--key", key)
        if configuration.catches_mail:
            arguments = ["--port", str(configuration.mail_port), "--dir", str(configuration.mail_folder)]
            self._start_python("mail", "redreport.local.mailcatcher", *arguments)
        fds = (self._children_lock,)
        if configuration.database:
            self.processes["database"] = configuration.database.start(log=self._log("database"), pass_fds=fds)
            configuration.database.create_database("redreport")
        if configuration.broker:
            self.processes["broker"] = configuration.broker.start(log=self._log("broker"), pass_fds=fds)
        if configuration.catches_mail:
            self.processes["mail"].wait_until_it_says(mailcatcher.READY)
        if configuration.simulates_stripe:
            self.processes["simulator"].wait_until_it_says("simulator ready")

    def _prepare(self) -> None:
        demo_password = self.configuration.secret("demo-password")
        command = ["prepare_local", "--secret-file", str(self.configuration.webhook_secret_file)]
        prepare = self._start_python("prepare", "django", *command, DEMO_PASSWORD=demo_password)
        while prepare.exit_code is None:
            time.sleep(0.05)
        if prepare.exit_code != 0:
            raise ProcessFailedError(f"the database could not be prepared\n{prepare.log_tail()}")
        del self.processes["prepare"]

    def _start_web(self, listening: socket.socket) -> None:
        arguments = ["redreport.wsgi:application", "--config", "python:redreport.local.gunicorn_config"]
        arguments += ["--bind", f"fd://{listening.fileno()}", "--worker-class", "gthread", "--workers", "2", "--threads", "8"]
        arguments += ["--timeout", "60", "--graceful-timeout", "15", "--keep-alive", "5", "--preload", "--no-control-socket"]
        self._start_python("web", "gunicorn", *arguments, stop_seconds=20, fds=(listening.fileno(),))

    def _start_workers(self) -> None:
        for name, (queues, concurrency) in WORKERS.items():
            arguments = ["--app", "redreport", "worker", "--loglevel", "INFO", "--hostname", f"{name}@%h"]
            arguments += ["--queues", ",".join(queues), "--concurrency", str(concurrency), "--without-gossip", "--without-mingle"]
            # A task that is still running when the wait ends is killed; the broker keeps it and hands it out again.
            self._start_python(name, "celery", *arguments, stop_seconds=60)

    def _start_beat(self) -> None:
        schedule = private_folder(self.configuration.run_dir / "beat") / "schedule"
        arguments = ["--app", "redreport", "beat", "--loglevel", "INFO", "--schedule", str(schedule), "--pidfile", ""]
        self._start_python("beat", "celery", *arguments)

    def _start_python(
        self, name: str, module: str, *arguments: str, stop_seconds: float = 15, fds: tuple[int, ...] = (), **variables: str
    ) -> Process:
        process = start_process(
            name,
            python_module(module, *arguments),
            env={**self.configuration.environment(), **variables},
            cwd=REPOSITORY,
            log=self._log(name),
            stop_seconds=stop_seconds,
            pass_fds=(self._children_lock, *fds),
        )
        self.processes[name] = process
        return process

    def _log(self, name: str) -> Path:
        log = private_folder(self.configuration.run_dir / "log") / f"{name}.log"
        if log.exists() and log.stat().st_size > LOG_BYTES_KEPT:
            log.replace(log.with_suffix(".log.1"))
        return log

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop += 1
        if self._asked_to_stop == 1:
            self.console.say("Stopping … (once more to stop without waiting)")
            if self._starting:
                raise StopRequested


def take_port(port: int, purpose: str) -> socket.socket:
    """A listening socket on that port of this machine; what answers there from now on is ours. Refuses a port that is taken."""
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(("127.0.0.1", port))
        taken.listen(512)
    except OSError as error:
        taken.close()
        raise ConfigurationError(
            f"Port {port}, for {purpose}, cannot be used: {error.strerror}. Choose another: make run PORT={_other_port(port)}"
        ) from None
    return taken


def _other_port(port: int) -> int:
    """Far enough away for all that a stack listens on."""
    return port + 100 if port + 102 <= 65_535 else port - 100


def answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
