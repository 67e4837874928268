"""Packs what was built so that the same commit gives the same bytes: archives with the commit's time, sorted, without owners.

pack.py OUT ARCHITECTURE FUNCTION...   the functions' archives, and the template that refers to them
pack.py --archive OUT                  OUT.tar.gz
"""

import gzip
import os
import re
import sys
import tarfile
import time
import zipfile
from pathlib import Path

EPOCH = int(os.environ["SOURCE_DATE_EPOCH"])


def function(out: Path, name: str) -> None:
    """One function: its binary under the name that Lambda starts."""
    info = zipfile.ZipInfo("bootstrap", time.gmtime(EPOCH)[:6])
    info.external_attr = 0o100755 << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    path = out / "functions" / f"{name}.zip"
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, Path("target/lambda", name, "bootstrap").read_bytes(), compresslevel=9)
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


def template(out: Path, architecture: str, functions: list[str]) -> None:
    """The template, with the archives in the place of the folders that they are built from."""
    text = Path("infra/template.yaml").read_text()
    for name in functions:
        text, found = re.subn(rf"CodeUri: \.\./functions/{name}\b", f"CodeUri: functions/{name}.zip", text)
        if found != 1:
            sys.exit(f"infra/template.yaml names the folder of {name} {found} times")
    if "CodeUri: ../" in text:
        sys.exit("infra/template.yaml names a folder that is no function's")
    default = re.compile(r"(  Architecture:\n    Type: String\n    Default: )\w+")
    text, found = default.subn(rf"\g<1>{architecture}", text)
    if found != 1:
        sys.exit("infra/template.yaml has no parameter Architecture where it was")
    (out / "template.yaml").write_text(text)


def samconfig(out: Path) -> None:
    """The deployment's settings, of the template beside it."""
    path = out / "samconfig.toml"
    path.write_text(path.read_text().replace("infra/template.yaml", "template.yaml"))


def archive(out: Path) -> None:
    """Everything in one file."""

    def bare(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.mtime, info.uid, info.gid, info.uname, info.gname = EPOCH, 0, 0, "", ""
        return info

    path = out.with_name(out.name + ".tar.gz")
    with path.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=EPOCH) as packed:
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for entry in sorted(p for p in out.rglob("*") if p.is_file()):
                tar.add(entry, Path(out.name, entry.relative_to(out)), filter=bare)


if __name__ == "__main__":
    if sys.argv[1] == "--archive":
        archive(Path(sys.argv[2]))
    else:
        folder = Path(sys.argv[1])
        for each in sys.argv[3:]:
            function(folder, each)
        template(folder, sys.argv[2], sys.argv[3:])
        samconfig(folder)
