// Command etcd is etcd as it comes, built from the version that the tests depend
// on: `make test` needs no etcd of the system.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
