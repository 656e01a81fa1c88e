#!/usr/bin/env bash
# Runs the example until Ctrl-C, from the folder of the repository. "make example" builds
# what it starts. The variables with defaults can be set in the environment.
set -eu
set -m # A process group for each program, so that Ctrl-C reaches this script alone.

bin=${BIN:-bin}
price_a=${PRICE_A:-8091}
price_b=${PRICE_B:-8092}
export DNS_PORT=${DNS_PORT:-1153} ETCD_PORT=${ETCD_PORT:-2479}
DATA=$(mktemp -d)
export DATA
# Where the library and the command find the registry.
export REGISTRAR_ENDPOINTS=http://127.0.0.1:$ETCD_PORT

# start NAME COMMAND... starts a program in the background, and leaves its process in $pid.
start() {
	local name=$1
	shift
	"$@" </dev/null &
	pid=$!
	echo "example: $name is process $pid"
}

# end PROCESS... ends programs, and waits until they have ended.
end() {
	for pid in "$@"; do kill "$pid" 2>/dev/null || true; done
	for pid in "$@"; do wait "$pid" || true; done
}

# Whoever uses others ends before them.
registry= services= client=
end_all() {
	trap '' INT TERM
	echo "example: ending, in five seconds: those for which instances of prices are draining"
	end $client
	end $services
	end $registry
	rm -rf "$DATA"
	echo "example: all have ended"
}
trap end_all EXIT
trap 'exit 0' INT TERM

# The registry: CoreDNS with the plugin roster, and etcd.
start coredns "$bin/coredns" -conf examples/shop/Corefile
registry=$pid

# The service stock registers itself by the library.
for id in a b; do
	start "stock $id" "$bin/example/stock" -id $id
	services="$services $pid"
done

# The service prices knows nothing of the registry: "registrar run" registers it as soon as it works.
start "prices a" "$bin/registrar" run prices --id a --address 127.0.0.1 --port "http:$price_a" --check http://:http/healthz -- \
	"$bin/example/prices" -name a -listen "127.0.0.1:$price_a"
services="$services $pid"
start "prices b" "$bin/registrar" run prices --id b --address 127.0.0.1 --port "http:$price_b" --check http://:http/healthz -- \
	"$bin/example/prices" -name b -listen "127.0.0.1:$price_b"
services="$services $pid"

"$bin/registrar" wait stock --min 2 --timeout 1m
"$bin/registrar" wait prices --min 2 --timeout 1m

# The checkout finds stock by the library, for gRPC, and prices by DNS.
start checkout "$bin/example/checkout" -dns "127.0.0.1:$DNS_PORT" -every "${EVERY:-1s}"
client=$pid
wait $client
