// Package request has what all drivers do alike with what users hand to them:
// it checks the arguments of Register and Unregister.
package request

import (
	"context"
	"errors"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
)

// Driver is a driver that serves all requests of a registrar.Client.
type Driver interface {
	registrar.Registry
	registrar.Closer
	registrar.Waiter
	registrar.Watcher
	registrar.Drainer
	registrar.Lister
	registrar.ListWatcher
	registrar.Reporter
	// Exists reports whether there is an instance, be it one that readers skip.
	Exists(ctx context.Context, namespace, service, id string) (bool, error)
	// Keys returns the keys of a service as etcd has them at one revision, and that; of
	// a namespace if the service is empty, of the registry if both are. It is for who
	// shows what readers skip. Errors are those of registrar.Client's List, and leave it
	// to the caller to say what was read.
	Keys(ctx context.Context, namespace, service string) (keys []mirror.Event, revision int64, err error)
	// Policy, ChangePolicy and DeletePolicy are Get, Update and Delete of
	// policies.Editor.
	Policy(ctx context.Context, service catalog.ServiceName) (catalog.Policy, error)
	ChangePolicy(ctx context.Context, service catalog.ServiceName, change func(*catalog.Policy)) (policy catalog.Policy, changed bool, err error)
	DeletePolicy(ctx context.Context, service catalog.ServiceName) error
	// ReadKeys returns the keys of ranges of etcd, each a key or a prefix that ends in
	// '/', as they all were at one revision. Errors are those of List.
	ReadKeys(ctx context.Context, ranges ...string) (keys []*mvccpb.KeyValue, revision int64, err error)
	// ChangeKeys carries out a transaction, and again while etcd is away: it can find
	// done what it does. Errors are those of List.
	ChangeKeys(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error)
}

// Instance checks the name of an instance. The error is ErrInvalid.
func Instance(namespace, service, id string) error {
	err := errors.Join(catalog.CheckNamespace(namespace), catalog.CheckLabel("name", service), catalog.CheckLabel("id", id))
	if err != nil {
		return fmt.Errorf("registrar: looking for an instance: %w", err)
	}
	return nil
}

// Register turns the argument of Register into what is written. The error is
// ErrInvalid.
func Register(service *catalog.Service, defaultNamespace string) (*catalog.Service, error) {
	desired, err := service.Prepare(defaultNamespace)
	if err != nil {
		return nil, fmt.Errorf("registrar: registering: %w", err)
	}
	if len(desired.Instances) == 0 {
		return nil, fmt.Errorf("registrar: registering %s/%s: %w", desired.Namespace, desired.Name,
			&catalog.FieldError{Field: "instances", Reason: "are missing: there is nothing to register"})
	}
	return desired, nil
}

// Target returns the namespace, the name, and the IDs of the argument of a method such
// as Unregister; doing says which, for errors. Unlike Register it takes a result too, and
// instances that have only an ID. The error is ErrInvalid.
func Target(doing string, service *catalog.Service, defaultNamespace string) (target *catalog.Service, ids []string, err error) {
	if service == nil {
		return nil, nil, fmt.Errorf("registrar: %s: %w", doing, &catalog.FieldError{Field: "service", Reason: "is nil"})
	}
	target = &catalog.Service{Namespace: service.Namespace, Name: service.Name}
	if target.Namespace == "" {
		target.Namespace = defaultNamespace
	}
	if err := catalog.CheckNamespace(target.Namespace); err != nil {
		return nil, nil, fmt.Errorf("registrar: %s: %w", doing, err)
	}
	if err := catalog.CheckLabel("name", target.Name); err != nil {
		return nil, nil, fmt.Errorf("registrar: %s: %w", doing, err)
	}
	for i := range service.Instances {
		in := &service.Instances[i]
		id := in.ID
		if id == "" {
			id = in.StableID()
		}
		if err := catalog.CheckLabel(fmt.Sprintf("instances[%d].id", i), id); err != nil {
			return nil, nil, fmt.Errorf("registrar: %s: %s/%s: %w", doing, target.Namespace, target.Name, err)
		}
		ids = append(ids, id)
	}
	return target, ids, nil
}
