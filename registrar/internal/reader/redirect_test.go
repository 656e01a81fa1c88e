package reader

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
)

// instance returns the value of a static instance.
func instance(address string) string { return `{"addresses":["` + address + `"],"static":true}` }

// addresses returns those of the instances that a client gets, or "not found".
func addresses(t *testing.T, c *client, name string) string {
	t.Helper()
	s, err := c.GetService(t.Context(), name)
	if errors.Is(err, registrar.ErrNotFound) {
		return "not found"
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var list []string
	for i := range s.Instances {
		list = append(list, s.Instances[i].Addresses[0].String())
	}
	return strings.Join(list, " ")
}

func wantAddresses(t *testing.T, c *client, name, want string) {
	t.Helper()
	if got := addresses(t, c, name); got != want {
		t.Errorf("%s has %s, want %s", name, got, want)
	}
}

// TestFailoverIsKnownBeforehand: who takes over is followed before.
func TestFailoverIsKnownBeforehand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", instance("10.0.0.1"))
		w.write("eu/orders/e", instance("10.0.0.2"))
		w.write("us/orders/u", instance("10.0.0.3"))
		w.write("default/orders/_policy", `{"failover":["eu/orders","us/orders"]}`)
		wantAddresses(t, w.client, "orders", "10.0.0.1")
		synctest.Wait()
		lists := w.Counts().Lists
		slices.Sort(lists)
		if want := []string{root + "default/orders/", root + "eu/orders/", root + "us/orders/"}; !slices.Equal(lists, want) {
			t.Errorf("lists %q, want %q", lists, want)
		}
		w.write("default/orders/a", `{"addresses":["10.0.0.1"],"static":true,"status":"down"}`)
		wantAddresses(t, w.client, "orders", "10.0.0.2")
		w.Delete(root + "eu/orders/e")
		synctest.Wait()
		wantAddresses(t, w.client, "orders", "10.0.0.3")
		w.Delete(root + "us/orders/u")
		synctest.Wait()
		wantAddresses(t, w.client, "orders", "not found")
		if again := w.Counts().Lists; len(again) != len(lists) {
			t.Errorf("lists %q, want no more than %q", again, lists)
		}
	})
}

// TestKeepLast has the last instance of a service disappear without having been
// unregistered.
func TestKeepLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", instance("10.0.0.1"))
		w.write("default/orders/_policy", `{"keep_last":60,"failover":["eu/orders"]}`)
		w.write("eu/orders/e", instance("10.0.0.2"))
		w.write("default/cart/_policy", `{"alias":"default/orders"}`)
		wantAddresses(t, w.client, "orders", "10.0.0.1")
		wantAddresses(t, w.client, "cart", "10.0.0.1")
		w.Delete(root + "default/orders/a")
		time.Sleep(59 * time.Second)
		wantAddresses(t, w.client, "orders", "10.0.0.1")
		wantAddresses(t, w.client, "cart", "10.0.0.1")
		time.Sleep(2 * time.Second)
		wantAddresses(t, w.client, "orders", "10.0.0.2")
		wantAddresses(t, w.client, "cart", "not found") // the failover of an alias is not followed
	})
}

// TestPolicyOfForbiddenServices: one that the user may not read counts as having no
// instance, unless that leaves nobody.
func TestPolicyOfForbiddenServices(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/_policy", `{"failover":["eu/orders","us/orders"]}`)
		w.write("us/orders/u", instance("10.0.0.3"))
		w.Set(func(f *faulty.Faults) { f.Denied = func(key string) bool { return strings.HasPrefix(key, root+"eu/") } })
		wantAddresses(t, w.client, "orders", "10.0.0.3")
		w.Delete(root + "us/orders/u")
		synctest.Wait()
		_, err := w.client.GetService(t.Context(), "orders")
		if !errors.Is(err, registrar.ErrPermission) || !strings.Contains(err.Error(), `getting "orders": eu/orders, which answers by the policy: permission denied`) {
			t.Errorf("GetService: %v, want ErrPermission", err)
		}
		wantAddresses(t, w.client, "orders?status=any", "not found")
		w.write("default/orders/a", instance("10.0.0.1"))
		wantAddresses(t, w.client, "orders", "10.0.0.1")
	})
}

// TestPolicyOfAnUnknownService: while it is not known whether an alias has an
// instance, the answer is not that there is none.
func TestPolicyOfAnUnknownService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", instance("10.0.0.1"))
		wantAddresses(t, w.client, "orders", "10.0.0.1")
		w.write("default/orders/_policy", `{"alias":"default/other","failover":["default/orders-2"]}`)
		w.SetState(faulty.Hung)
		start := time.Now()
		if _, err := w.client.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrUnavailable) || time.Since(start) != firstWait {
			t.Errorf("GetService: %v after %v, want ErrUnavailable after %v", err, time.Since(start), firstWait)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		start = time.Now()
		if _, err := w.client.GetService(ctx, "orders"); !errors.Is(err, registrar.ErrUnavailable) || time.Since(start) != 0 {
			t.Errorf("again: %v after %v, want ErrUnavailable at once", err, time.Since(start))
		}
		w.SetState(faulty.Up)
		time.Sleep(2 * time.Second)
		w.write("default/other/o", instance("10.0.0.2"))
		wantAddresses(t, w.client, "orders", "10.0.0.2")

		w.SetState(faulty.Hung)
		time.Sleep(mirror.FreshFor + time.Second)
		s, err := w.client.GetService(t.Context(), "orders")
		if err != nil || !s.Stale || len(s.Instances) != 1 {
			t.Errorf("while etcd is away: %+v, %v", s, err)
		}
		w.SetState(faulty.Up)
		time.Sleep(10 * time.Second)
		fresh, err := w.client.GetService(t.Context(), "orders")
		if err != nil || fresh.Stale || fresh.Revision != s.Revision {
			t.Errorf("once etcd is back: %+v, %v; want revision %d", fresh, err, s.Revision)
		}
	})
}

// TestServicesOfPoliciesAreDropped: they stay followed for as long as somebody asks
// for the service that has the policy.
func TestServicesOfPoliciesAreDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", instance("10.0.0.1"))
		w.write("default/orders/_policy", `{"failover":["eu/orders"]}`)
		w.write("eu/orders/e", instance("10.0.0.2"))
		followed := func(want int) {
			t.Helper()
			if _, _, ranges := remembered(w.client); ranges != want {
				t.Errorf("%d ranges are followed, want %d", ranges, want)
			}
		}
		for range 5 {
			wantAddresses(t, w.client, "orders", "10.0.0.1")
			followed(2)
			time.Sleep(idleAfter / 2)
		}
		w.write("default/orders/_policy", `{}`)
		for range 5 {
			wantAddresses(t, w.client, "orders", "10.0.0.1")
			time.Sleep(idleAfter / 2)
		}
		followed(1)
		w.write("default/orders/_policy", `{"failover":["eu/orders"]}`)
		w.Delete(root + "default/orders/a")
		synctest.Wait()
		wantAddresses(t, w.client, "orders", "10.0.0.2")
		followed(2)
		time.Sleep(2 * idleAfter)
		followed(0)
		wantAddresses(t, w.client, "orders", "10.0.0.2")
	})
}

func TestServicesOfPoliciesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.client.subscriptions.maxRanges = 2
		w.write("default/orders/a", instance("10.0.0.1"))
		w.write("default/orders/_policy", `{"failover":["a/a","b/b"]}`)
		if _, err := w.client.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrUnavailable) || !strings.Contains(err.Error(), "too many different services") {
			t.Errorf("GetService: %v", err)
		}
		w.write("default/orders/_policy", `{"failover":["a/a"]}`)
		wantAddresses(t, w.client, "orders", "10.0.0.1")
	})
}

func TestFailoverDoesNotAllocate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Put(root+"default/orders/_policy", `{"failover":["default/none","eu/orders"]}`, 0)
		w.Put(root+"eu/orders/e", instance("10.0.0.2"), 0)
		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		wantNoAllocations(t, w.client)
	})
}
