package reader

import (
	"context"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// Keys implements request.Driver.
func (l *Lister) Keys(ctx context.Context, namespace, service string) (keys []mirror.Event, revision int64, err error) {
	rng, err := l.below(namespace, service)
	if err != nil {
		return nil, 0, err
	}
	err = l.Try(ctx, func(ctx context.Context) (answered bool, err error) {
		keys = nil
		head, err := l.Source.List(ctx, rng, 0, func(kvs []*mvccpb.KeyValue) error {
			for _, kv := range kvs {
				keys = append(keys, mirror.Event{
					Key:         strings.TrimPrefix(string(kv.Key), l.Prefix+"/"),
					Value:       append([]byte{}, kv.Value...), // pages are reused
					ModRevision: kv.ModRevision,
					Lease:       kv.Lease,
				})
			}
			return nil
		})
		revision = head.Revision
		return len(keys) > 0, err
	})
	if err != nil {
		return nil, 0, err
	}
	return keys, revision, nil
}

// below returns the range with the keys of a service, of a namespace if the service is
// empty, or of the registry if both are.
func (l *Lister) below(namespace, service string) (string, error) {
	if namespace == "" {
		return l.Prefix + "/", nil
	}
	if err := catalog.CheckNamespace(namespace); err != nil {
		return "", err
	}
	if service == "" {
		return catalog.NamespacePrefix(l.Prefix, namespace), nil
	}
	return catalog.ServicePrefix(l.Prefix, namespace, service), catalog.CheckLabel("name", service)
}
