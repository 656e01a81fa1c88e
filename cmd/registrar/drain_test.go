package main

import (
	"strings"
	"testing"
)

// withOrders is a registry with the static instances a, b and c of orders.
func withOrders(t *testing.T) *shop {
	t.Helper()
	s := newShop()
	const file = `{"name":"orders","instances":[{"id":"a","addresses":["10.0.0.7"]},{"id":"b","addresses":["10.0.0.8"]},{"id":"c","addresses":["10.0.0.9"]}]}`
	s.do(t, file, exitOK, "register", "--file", "-", "--static")
	return s
}

// tells is do, and fails unless exactly these messages come, and no data.
func (s *shop) tells(t *testing.T, code int, want []string, args ...string) {
	t.Helper()
	stdout, stderr := s.do(t, "", code, args...)
	if got := "registrar: " + strings.Join(want, "\nregistrar: ") + "\n"; stdout != "" || stderr != got {
		t.Errorf("registrar %s wrote %q and said\n%swant\n%s", strings.Join(args, " "), stdout, stderr, got)
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	s.tells(t, exitOK, []string{
		"drained default/orders/a (kernel update)",
		"DNS answers orders.default.svc.internal from 2 of 3 instances",
	}, "drain", "orders", "a", "--reason", "kernel update")
	s.says(t, "b\nc\n", "get", "orders", "-o", "name")
	s.tells(t, exitOK, []string{
		"drained default/orders/b", "drained default/orders/c",
		"warning: no instance of default/orders is up: DNS answers orders.default.example.org without records (NODATA) until one is",
	}, "drain", "default/orders", "b", "c", "b", "--zone", "example.org.")
	s.tells(t, exitOK, []string{
		"undrained default/orders/a (kernel update)", "undrained default/orders/b",
		"DNS answers orders.default.svc.internal from 2 of 3 instances",
	}, "undrain", "default/orders/a", "default/orders/b")
	s.tells(t, exitOK, []string{
		"default/orders/a is not drained",
		"DNS answers orders.default.svc.internal from 2 of 3 instances",
	}, "undrain", "orders", "a")
	s.says(t, "a\nb\n", "get", "orders", "-o", "name")
}

// TestDrainOfSeveralServices shows that the forms of names are all understood.
func TestDrainOfSeveralServices(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	s.do(t, "", exitOK, "register", "prod/carts", "--id", "x", "--address", "10.0.0.7", "--port", "80", "--static")
	s.tells(t, exitOK, []string{
		"drained default/orders/a", "drained prod/carts/x",
		"DNS answers orders.default.svc.internal from 2 of 3 instances",
		"warning: no instance of prod/carts is up: DNS answers carts.prod.svc.internal without records (NODATA) until one is",
	}, "drain", "default/orders/a", "prod/carts/x")
	s.tells(t, exitOK, []string{
		"undrained prod/carts/x", "DNS answers carts.prod.svc.internal from 1 of 1 instances",
	}, "undrain", "carts", "x", "-n", "prod")
}

// TestDrainOfWhatIsNotThere shows that a mistyped ID changes nothing, and that an
// instance can be drained before it comes.
func TestDrainOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	s.tells(t, exitNotFound, []string{
		"draining default/orders/x, default/orders/y: not found: to see its instances, run: registrar get 'default/orders?status=any'",
	}, "drain", "orders", "a", "x", "y")
	s.says(t, "a\nb\nc\n", "get", "orders", "-o", "name")
	s.tells(t, exitNotFound, []string{
		"undraining default/orders/x: not found: to see its instances, run: registrar get 'default/orders?status=any'",
	}, "undrain", "orders", "x")
	s.tells(t, exitOK, []string{
		"drained default/orders/x (crash loop): it is not registered, and will be draining when it is",
		"DNS answers orders.default.svc.internal from 3 of 3 instances",
	}, "drain", "orders", "x", "--absent", "--reason", "crash loop")
	s.do(t, "", exitOK, "register", "orders", "--id", "x", "--address", "10.0.0.1", "--port", "80", "--static")
	s.says(t, "a\nb\nc\n", "get", "orders", "-o", "name")
	s.do(t, "", exitOK, "unregister", "orders", "x")
	s.tells(t, exitOK, []string{
		"undrained default/orders/x (crash loop): it is not registered",
		"DNS answers orders.default.svc.internal from 3 of 3 instances",
	}, "undrain", "orders", "x")
}

func TestUndrainOfWhatIsDrainingItself(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	s.do(t, `{"name":"orders","instances":[{"id":"a","addresses":["10.0.0.7"],"status":"draining"}]}`, exitOK, "register", "--file", "-", "--static")
	s.do(t, "", exitOK, "drain", "orders", "a")
	s.tells(t, exitOK, []string{
		"undrained default/orders/a: it is draining of its own accord",
		"DNS answers orders.default.svc.internal from 2 of 3 instances",
	}, "undrain", "orders", "a")
}

// TestInstancesByTheirFullNames is about what a person pastes from a message of
// register: it is understood wherever an instance is named.
func TestInstancesByTheirFullNames(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	s.tells(t, exitOK, []string{"unregistered default/orders/b"}, "unregister", "default/orders/b")
	s.tells(t, exitNotFound, []string{
		"unregistering default/orders/b: not found: to see its instances, run: registrar get 'default/orders?status=any'",
	}, "unregister", "default/orders/a", "default/orders/b")
	s.tells(t, exitOK, []string{"unregistered default/orders/a", "unregistered default/orders/c"}, "unregister", "orders", "a", "c")
}

func TestCompletionOfSeveralInstances(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	s.do(t, "", exitOK, "drain", "orders", "c")
	s.do(t, "", exitOK, "drain", "orders", "gone", "--absent")
	for command, want := range map[string]string{"drain": "a\nc\n", "unregister": "a\nc\n", "undrain": "c\ngone\n"} {
		s.says(t, want+":4\n", "__complete", command, "orders", "b", "")
		s.says(t, ":4\n", "__complete", command, "default/orders/b", "")
		s.says(t, "orders\ndefault/orders\n:4\n", "__complete", command, "")
	}
	for _, flag := range [][]string{{"drain", "orders", "a", "--reason"}, {"wait", "orders", "--min"}, {"status", "--server"}, {"resolve", "--server"}, {"doctor", "--lease"}} {
		s.says(t, ":4\n", append(append([]string{"__complete"}, flag...), "")...)
	}
}
