"""A PostgreSQL server that belongs to one test, which may freeze it, crash it and start it again."""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from harness import unused_port


def program(name):
    """Where it is; PostgreSQL's servers are on nobody's PATH on Debian."""
    return shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None)


class Postgres:
    """Started on a free port; never as root, which PostgreSQL refuses."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="weir-postgres-"))
        self.user = []
        if os.geteuid() == 0:
            names = {entry.pw_name for entry in pwd.getpwall()}
            name = "postgres" if "postgres" in names else "nobody"
            shutil.chown(self.folder, name)
            self.user = ["runuser", "-u", name, "--"]
        self.port = unused_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    def _run(self, name, *arguments):
        # It must not start in a folder that its user cannot read, and keeps what it is given to write to open.
        command = [*self.user, program(name), "-D", str(self.folder / "db"), *arguments]
        done = subprocess.run(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"{name} failed with {done.returncode}")

    def start(self):
        # A crash of the program loses nothing that it has written; only a power cut would.
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        self._run("pg_ctl", "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options, "start")

    def crash(self):
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def freeze(self):
        """Takes connections and bytes from now on, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self):
        self._signal(signal.SIGCONT)

    def _signal(self, number):
        postmaster = (self.folder / "db/postmaster.pid").read_text().split()[0]
        # The parent first, so that it makes no children meanwhile.
        os.kill(int(postmaster), number)
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", postmaster], capture_output=True, text=True, check=False)
        for child in children.stdout.split():
            os.kill(int(child), number)

    def remove(self):
        try:
            self.thaw()
            self.crash()
        except (OSError, RuntimeError):
            pass  # It is not running.
        shutil.rmtree(self.folder, ignore_errors=True)
