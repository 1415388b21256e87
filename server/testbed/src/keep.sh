#!/bin/sh
# Runs a database server for as long as somebody holds it, then removes its folder.
#
#   keep.sh FOLDER SHARED GRACE SIGNAL COMMAND...
#
# Whoever uses the server holds a shared lock on FOLDER/in-use. The kernel releases that lock when
# the holder ends, in whatever way, so nothing depends on a tidy exit. SHARED is the link by which
# processes find a server that they share; GRACE counts half seconds.
folder=$1 shared=$2 grace=$3 signal=$4
shift 4
trap '' HUP INT TERM
echo $$ >"$folder/keeper"

# Should this script be killed, the kernel ends the server.
start() {
    setpriv --pdeathsig "$signal" "$@" >>"$folder/server.log" 2>&1 </dev/null &
    server=$!
    echo "$server" >"$folder/server"
}
start "$@"

# Under the lock of the link nobody can be about to take the server.
retire() {
    exec 9>"$shared.lock" && flock 9 || return 0
    if flock --nonblock "$folder/in-use" true; then
        [ "$(readlink "$shared")" = "$folder" ] && rm -f "$shared"
        exec 9>&-
        return 0
    fi
    exec 9>&-
    return 1
}

idle=0
while [ -d "$folder" ]; do
    sleep 0.5
    if ! kill -0 "$server" 2>/dev/null; then
        : >"$folder/ended"
        # Somebody killed it and wants it back. A server that still finds traces of the one before
        # gives up, and is started again.
        [ -e "$folder/start" ] && rm -f "$folder/ended" && start "$@"
    fi
    if flock --nonblock "$folder/in-use" true; then idle=$((idle + 1)); else idle=0; fi
    [ "$idle" -gt "$grace" ] && retire && break
done

kill -s "$signal" "$server" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
    kill -0 "$server" 2>/dev/null || break
    sleep 0.5
done
kill -s KILL "$server" 2>/dev/null
[ -d "$folder/disk" ] && umount "$folder/disk"
rm -rf "$folder"
