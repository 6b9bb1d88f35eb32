# The guest's first and only process: two virtual controllers, BlueZ on the first one, the job, and off.
# Set before: MODULES, PYTHON, ROOT, JOB.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
finish() {
    sync
    echo o >/proc/sysrq-trigger
    sleep 30
}
trap finish EXIT
set -e
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
for folder in /dev/shm /run /var/lib/bluetooth; do
    mkdir -p "$folder"
    mount -t tmpfs tmpfs "$folder"
done
mkdir -p /lib/modules
mount --bind "$MODULES" /lib/modules
ip link set lo up

modprobe -a hci_vhci uhid ecdh_generic cmac ccm
mkdir -p /run/dbus
dbus-uuidgen --ensure
dbus-daemon --system --fork --nopidfile
btvirt -L -l2 >/out/btvirt.log 2>&1 &
echo $! >/run/btvirt.pid
until [ -e /sys/class/bluetooth/hci1 ]; do sleep 0.1; done
btmon >/out/btmon.log 2>&1 &
btmgmt -i 1 power off >/dev/null

cd "$ROOT"
"$PYTHON" -B -m "$JOB" >/out/job.log 2>&1 || echo "exit code $?" >>/out/job.log
touch /out/ended
