"""A virtual machine with Debian's kernel on this computer's own files: it has Bluetooth where we have none.

The root is shared read-only, what the guest writes stays in its memory, and `out` is shared both ways. QEMU emulates
(TCG): under nested virtualisation `/dev/kvm` may open and the guest hang all the same.
"""

import gzip
import lzma
import shutil
import subprocess
import sys
from pathlib import Path

from tests.radio.kernel import Kernel

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
BOOT_MODULES = ("virtio_pci", "virtio_mmio", "9pnet_virtio", "9p", "overlay", "virtio_rng")
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /lower /tmp /newroot
/bin/busybox mount -t proc proc /proc
for module in {modules}; do /bin/busybox insmod /$module; done
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro root /lower
/bin/busybox mount -t tmpfs tmpfs /tmp
/bin/busybox mkdir /tmp/upper /tmp/work
/bin/busybox mount -t overlay overlay -o lowerdir=/lower,upperdir=/tmp/upper,workdir=/tmp/work /newroot
/bin/busybox mkdir -p /newroot/out
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 out /newroot/out
exec /bin/busybox switch_root /newroot /bin/sh /out/guest.sh
"""


class MachineError(Exception):
    """The machine did not do its job; says what is known."""


def run_in_guest(kernel: Kernel, out: Path, job: str, *, timeout_s: float) -> None:
    """Boots, runs the Python module `job` as root with the radio up, and ends. Raises MachineError.

    Whatever the guest writes to /out is in `out`; `console.log` there is its serial console.
    """
    (out / "guest.sh").write_text(_guest_script(kernel, job))
    initrd = out / "initrd.gz"
    initrd.write_bytes(_initrd(kernel, out))
    command = [
        *["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "2048", "-smp", "1"],
        *["-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio", "-device", "virtio-rng-pci"],
        *["-kernel", str(kernel.image), "-initrd", str(initrd)],
        *["-append", "console=ttyS0 quiet panic=-1"],
        *["-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"],
        *["-virtfs", f"local,path={out},mount_tag=out,security_model=none"],
    ]
    console = out / "console.log"
    with console.open("wb") as log:
        machine = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            code = machine.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise MachineError(f"still running after {timeout_s:.0f} s: {_tail(console)}") from None
        finally:
            machine.kill()
            machine.wait()
    if code:
        raise MachineError(f"QEMU gave exit code {code}: {_tail(console)}")
    if not (out / "ended").exists():
        raise MachineError(f"the guest stopped before its job ended: {_tail(console)}")


def _tail(console: Path) -> str:
    return console.read_text("utf-8", errors="replace")[-3000:]


def _guest_script(kernel: Kernel, job: str) -> str:
    words = {
        "MODULES": str(kernel.root / "lib" / "modules"),
        "PYTHON": sys.executable,
        "ROOT": str(ROOT),
        "JOB": job,
    }
    lines = "".join(f"{name}='{value}'\n" for name, value in words.items())
    return lines + (HERE / "guest.sh").read_text("utf-8")


def _initrd(kernel: Kernel, out: Path) -> bytes:
    """BusyBox, the modules that reach the shared root, and an init that goes there; gzipped cpio."""
    tree = out / "initrd"
    (tree / "bin").mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "/bin/busybox", tree / "bin" / "busybox")
    names = []
    for module in _boot_modules(kernel):
        name = module.name.removesuffix(".xz")
        data = module.read_bytes()
        (tree / name).write_bytes(lzma.decompress(data) if module.suffix == ".xz" else data)
        names.append(name)
    init = tree / "init"
    init.write_text(INIT.format(modules=" ".join(names)))
    init.chmod(0o755)
    listed = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    packed = subprocess.run(
        ["cpio", "--create", "--format=newc", "--owner=0:0", "--quiet"],
        cwd=tree,
        input=listed.encode(),
        capture_output=True,
        check=True,
    )
    return gzip.compress(packed.stdout, 1)


def _boot_modules(kernel: Kernel) -> list[Path]:
    """In the order of loading, each once."""
    found: dict[Path, None] = {}
    for name in BOOT_MODULES:
        shown = subprocess.run(
            ["modprobe", "-d", str(kernel.root), "-S", kernel.release, "--show-depends", name],
            capture_output=True,
            text=True,
            check=True,
        )
        for line in shown.stdout.splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "insmod":
                found[Path(rest.split()[0])] = None
    return list(found)
