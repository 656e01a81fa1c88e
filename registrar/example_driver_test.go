package registrar_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"

	"github.com/rosterdns/roster/registrar"
)

// fixed is a driver whose services have one instance each, which never changes: enough for
// a program on a developer's machine.
type fixed struct{ options *registrar.Options }

func (*fixed) Name() string { return "fixed" }

func (f *fixed) Init(_ context.Context, opts ...registrar.Option) (err error) {
	f.options, err = registrar.NewOptions(opts...)
	return err
}

func (*fixed) Register(context.Context, *registrar.Service) error { return registrar.ErrUnsupported }

func (*fixed) Unregister(context.Context, *registrar.Service) error { return registrar.ErrUnsupported }

func (f *fixed) GetService(_ context.Context, name string) (*registrar.Service, error) {
	n, err := registrar.ParseName(name, f.options.Namespace)
	if err != nil {
		return nil, err
	}
	here := registrar.Instance{ID: "here", Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	return &registrar.Service{Namespace: n.Namespace, Name: n.Service, Instances: []registrar.Instance{here}}, nil
}

// A driver of one's own calls RegisterDriver in its init. Package registrartest has tests
// for it.
func ExampleRegisterDriver() {
	registrar.RegisterDriver("fixed", func() registrar.Registry { return &fixed{} })

	ctx := context.Background()
	client, err := registrar.Open(ctx, "fixed")
	if err != nil {
		log.Fatal(err)
	}
	orders, err := client.GetService(ctx, "orders")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(orders.Namespace, orders.Name, orders.Instances[0].ID)
	fmt.Println(client.Close())
	// Output:
	// default orders here
	// registrar: driver "fixed" has no Close: unsupported operation
}
