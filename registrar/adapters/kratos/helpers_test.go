package kratos_test

import (
	"io"
	"log/slog"
	"testing"

	"github.com/go-kratos/kratos/v2/log"
	"github.com/go-kratos/kratos/v2/registry"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/memory"
)

func TestMain(m *testing.M) {
	log.SetLogger(log.NewStdLogger(io.Discard)) // here, since kratos doesn't lock it
	goleak.VerifyTestMain(m)
}

// open returns a client of a registry.
func open(t *testing.T, store *memory.Store) *registrar.Client {
	t.Helper()
	quiet := registrar.WithLogger(slog.New(slog.DiscardHandler))
	c, err := registrar.Open(t.Context(), memory.Name, memory.WithStore(store), quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// instance returns one of orders.
func instance(id string) *registry.ServiceInstance {
	return &registry.ServiceInstance{ID: id, Name: "orders", Endpoints: []string{"grpc://10.0.0.7:9000"}}
}

func ids(list []*registry.ServiceInstance) (ids []string) {
	for _, in := range list {
		ids = append(ids, in.ID)
	}
	return ids
}
