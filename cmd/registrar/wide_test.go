package main

import (
	"strings"
	"testing"
)

func TestGetByID(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	s.do(t, "", exitOK, "drain", "orders", "b")
	const row = "ID  ADDRESS   PORTS  STATUS    WEIGHT  PRIO\nb   10.0.0.8  -      draining  100     0\n"
	s.says(t, row, "get", "default/orders/b")
	s.says(t, row, "get", "orders", "b")
	s.says(t, "c\nb\n", "get", "orders", "c", "b", "-o", "name")
}

func TestGetByIDOfNothing(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	const says = "getting default/orders/x: not found: to see its instances, run: registrar get 'default/orders?status=any'"
	s.tells(t, exitNotFound, []string{says}, "get", "default/orders/x")
	s.tells(t, exitNotFound, []string{says}, "get", "orders", "a", "x")
}

// TestGetOfAnAlias: instances that are up are not said to be down where another service,
// without any, answers in place of theirs.
func TestGetOfAnAlias(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	s.do(t, "", exitOK, "policy", "set", "orders", "--alias", "prod/none")
	s.tells(t, exitNotFound, []string{"service default/orders: not found: its policy has another service answer: to see which, run: registrar policy get default/orders"}, "get", "orders")
}

// TestOverridesAreShown is about overrides: get -o wide shows them with their reasons,
// those that can't be read and those without an instance too.
func TestOverridesAreShown(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	s.do(t, "", exitOK, "drain", "orders", "b", "--reason", "kernel update")
	s.do(t, "", exitOK, "drain", "orders", "x", "--absent", "--reason", "crash\x1b[31m\nloop")
	const table = `ID  ADDRESS   PORTS  STATUS  WEIGHT  PRIO  LOCALITY  TAGS  METADATA  TTL  KIND
a   10.0.0.7  -      up      100     0     -         -     -         -    static
c   10.0.0.9  -      up      100     0     -         -     -         -    static
`
	const overrides = `
ID  OVERRIDE  INSTANCE  REASON
b   draining  up        kernel update
x   draining  missing   crash\x1b[31m; loop
`
	s.says(t, table+overrides, "get", "orders", "-o", "wide")
	s.says(t, "NAMESPACE  SERVICE  UP  REVISION  INSTANCES  KIND    OVERRIDES\ndefault    orders   2   3         3          static  2\n", "list", "-o", "wide")

	// Also where nothing else is left to show.
	s.do(t, "", exitOK, "unregister", "orders", "a", "b", "c")
	stdout, stderr := s.do(t, "", exitNotFound, "get", "orders", "-o", "wide")
	if want := strings.ReplaceAll(overrides, "up     ", "missing"); stdout != want || stderr != "registrar: service default/orders: not found: to see the services, run: registrar list\n" {
		t.Errorf("it wrote %q, want %q, and said %q", stdout, want, stderr)
	}
	s.do(t, "", exitNotFound, "get", "orders")
}
