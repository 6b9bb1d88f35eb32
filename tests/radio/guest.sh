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
# Under load the kernel may give a controller up while it sets it up; then both are made anew.
for _ in 1 2 3 4 5; do
    btvirt -L -l2 >/out/btvirt.log 2>&1 &
    btvirt=$!
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        sleep 0.3
        ready=$(hciconfig | grep -c 'BD Address: 00:AA:' || true) # no address before it is set up
        [ "$ready" = 2 ] && break 2
    done
    kill "$btvirt"
    wait "$btvirt" || true
done
echo "$btvirt" >/run/btvirt.pid
btmon >/out/btmon.log 2>&1 &
btmgmt -i 1 power off >/dev/null

cd "$ROOT"
"$PYTHON" -B -m "$JOB" >/out/job.log 2>&1 || echo "exit code $?" >>/out/job.log
touch /out/ended
