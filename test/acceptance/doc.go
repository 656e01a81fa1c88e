// Package acceptance tests with what users have: the system's resolvers, dig and
// other clients of DNS, resolvers and load balancers of Debian, and the ports that the
// documents name, in a network namespace of its own. Its tests need root and the
// programs that `make deps` installs, and so the build tag acceptance; without them they
// fail and say what is missing.
package acceptance
