package registrartest_test

import (
	"testing"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/memory"
	"github.com/rosterdns/roster/registrar/registrartest"
)

// The test of a driver, here of the one in memory. Its clients share a registry.
func ExampleRun() {
	_ = func(t *testing.T) { // TestBehaviour
		store := memory.NewStore()
		registrartest.Run(t, func(t *testing.T, opts ...registrar.Option) *registrar.Client {
			t.Helper()
			client, err := registrar.Open(t.Context(), memory.Name, append([]registrar.Option{memory.WithStore(store)}, opts...)...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close() })
			return client
		})
	}
}
