#!/bin/sh
# Installs Debian packages, as root, for "make deps". Of some of them only the program is
# needed, and the service that they bring would take ports 53, 80 or 9090 of a
# developer's machine. So no service is started meanwhile, which policy-rc.d decides (a
# policy that is there stays), and those in $services that this has installed are disabled, so
# that none starts at the next boot either. They are not masked: whoever wants one starts it by
# systemctl as usual. Services that were there before are not touched.
set -eu

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

new=
for service in $services; do
	case " $* " in
	*" $service "*) dpkg-query -W -f '${Status}' "$service" 2>/dev/null | grep -q ' installed$' || new="$new $service" ;;
	esac
done

export DEBIAN_FRONTEND=noninteractive
failed=0
apt-get update -q && apt-get install -q -y --no-install-recommends "$@" || failed=$?

# Also after a failure: some may be installed. Without systemd nothing starts at boot: it is a container.
if command -v systemctl >/dev/null; then
	for service in $new; do
		systemctl disable "$service" || failed=$?
	done
fi
exit "$failed"
