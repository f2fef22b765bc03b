"""What a wheel holds and does not hold: ``python .ci/check_wheel.py FILE.whl``."""

import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

LARGEST = 2_000_000  # bytes
KINDS = {".py", ".pyi", ".pxd", ".so", ".pyd", ".typed"}
ABSOLUTE = re.compile(rb"(?<![\w.])/(?:[\w.+-]+/){2,}[\w.+-]+")  # a folder of whoever built it


def complaints(path: Path) -> list[str]:
    found = []
    if path.stat().st_size > LARGEST:
        found.append(f"{path.stat().st_size} bytes: more than {LARGEST}")
    if "-cp311-abi3-" not in path.name:
        found.append(f"{path.name}: not for every Python from 3.11 on")
    with ZipFile(path) as wheel:
        for name in wheel.namelist():
            if ".dist-info/" in name or name.endswith("/"):
                continue
            if not name.startswith("ae_core/") or Path(name).suffix not in KINDS:
                found.append(f"{name}: does not belong into the wheel")
            if Path(name).suffix in (".so", ".pyd"):
                folders = set(ABSOLUTE.findall(wheel.read(name)))
                found += [f"{name}: names the path {folder.decode()}" for folder in folders]
    if "linux" in path.name:
        audit = [sys.executable, "-m", "auditwheel", "show", str(path)]
        report = subprocess.run(audit, capture_output=True, text=True, check=True).stdout
        print(report.strip())
        if "manylinux_2_17" not in report:
            found.append("it needs a newer glibc than 2.17")
    return found


if __name__ == "__main__":
    wheel = Path(sys.argv[1])
    found = complaints(wheel)
    print(f"{wheel.name}: {wheel.stat().st_size} bytes, {len(found)} complaints")
    sys.exit("\n".join(found) or 0)
