//go:build timing

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/test/harness"
)

// many are n instances of one service.
func many(n int) *registrar.Service {
	s := &registrar.Service{Name: "many"}
	for i := range n {
		s.Instances = append(s.Instances, registrar.Instance{
			ID:        fmt.Sprintf("i%d", i),
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})},
			Ports:     []registrar.Port{{Name: "http", Port: 8080}},
		})
	}
	return s
}

// manyKeys is a condition: etcd holds so many keys.
func manyKeys(t *testing.T, e *harness.Etcd, want int) func() error {
	t.Helper()
	return func() error {
		resp, err := e.Client().Get(t.Context(), "/roster/", clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			return err
		}
		return differ("keys", resp.Count, want)
	}
}

// TestManyInOneFile registers 20,000 instances by one command: TERM ends it in
// three seconds, and leaves none.
func TestManyInOneFile(t *testing.T) {
	const instances = 20_000
	text, err := json.Marshal(many(instances))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "services.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	p := harness.Registrar(t, "register", "--file", file, "--endpoints", e.Endpoints[0])
	took := harness.Eventually(t, fillTime, "all of them in etcd", manyKeys(t, e, instances))
	harness.Elapse(t, 5*time.Second) // with what comes after the writes, such as watches
	start := time.Now()
	p.Signal(t, syscall.SIGTERM)
	if code := p.Wait(t, endBound); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	t.Logf("%d instances registered in %v; ended %v after TERM", instances, took, time.Since(start))
	if err := manyKeys(t, e, 0)(); err != nil {
		t.Errorf("after the end: %v", err)
	}
}

// TestRegistersAreLinear registers instances one after the other: twice as many
// take at most two and a half times as long.
func TestRegistersAreLinear(t *testing.T) {
	const n, most = 5000, 2.5
	registered := func(n int) time.Duration {
		t.Helper()
		e := harness.StartEtcd(t, harness.EtcdOptions{})
		c := openClient(t, registrar.WithEndpoints(e.Endpoints...))
		defer c.Close()
		start := time.Now()
		for _, in := range many(n).Instances {
			if err := c.Register(t.Context(), &registrar.Service{Name: "many", Instances: []registrar.Instance{in}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		took := time.Since(start)
		if err := manyKeys(t, e, n)(); err != nil {
			t.Error(err)
		}
		return took
	}
	once, twice := registered(n), registered(2*n)
	t.Logf("%d Registers in %v, %d in %v", n, once, 2*n, twice)
	harness.Within(t, fmt.Sprintf("%d Registers beside %v for half of them", 2*n, once), twice, time.Duration(most*float64(once)))
}
