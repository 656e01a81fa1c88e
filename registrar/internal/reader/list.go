package reader

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
	"github.com/rosterdns/roster/registrar/internal/request"
)

const (
	// listTimeout bounds List where its context has no deadline: reading a million
	// instances takes a few seconds.
	listTimeout = 10 * time.Second
	// retryBase and retryLimit bound the pause before the next try.
	retryBase  = 100 * time.Millisecond
	retryLimit = 2 * time.Second
)

// Lister asks etcd itself, for what no replica has. It is safe for concurrent
// use.
type Lister struct {
	Source mirror.Source
	// Prefix is that of the registry.
	Prefix string
	// InContact reports whether etcd was heard of just now.
	InContact func() bool
	// Closed ends what is under way, with ErrClosed.
	Closed context.Context
}

// List implements registrar.Lister.
func (l *Lister) List(ctx context.Context, namespace string) ([]string, error) {
	if err := checkNamespace(namespace); err != nil {
		return nil, fmt.Errorf("registrar: listing: %w", err)
	}
	prefix := l.Prefix + "/"
	if namespace != "" {
		prefix = catalog.NamespacePrefix(l.Prefix, namespace)
	}
	var names []string
	err := l.Try(ctx, func(ctx context.Context) (answered bool, err error) {
		names, answered, err = l.listOnce(ctx, namespace, prefix)
		return answered, err
	})
	if err != nil {
		return nil, fmt.Errorf("registrar: listing %q: %w", prefix, err)
	}
	return names, nil
}

// checkNamespace checks a namespace where the empty one means all.
func checkNamespace(namespace string) error {
	if namespace == "" {
		return nil
	}
	return catalog.CheckNamespace(namespace)
}

// Exists implements request.Driver.
func (l *Lister) Exists(ctx context.Context, namespace, service, id string) (found bool, err error) {
	if err := request.Instance(namespace, service, id); err != nil {
		return false, err
	}
	err = l.Try(ctx, func(ctx context.Context) (answered bool, err error) {
		found = false
		_, err = l.Source.List(ctx, catalog.InstanceKey(l.Prefix, namespace, service, id), 0, func(kvs []*mvccpb.KeyValue) error {
			found = found || len(kvs) > 0
			return nil
		})
		return false, err
	})
	return found && err == nil, err
}

// Try asks etcd, and again while it is away, until ctx is done, or for
// listTimeout if ctx has no deadline. ask reports whether a part of the answer
// came. The error is ErrClosed, or classified, or ctx's alone where etcd answers
// but not in time.
func (l *Lister) Try(ctx context.Context, ask func(context.Context) (answered bool, err error)) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, listTimeout)
		defer cancel()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.Closed, cancel)()
	pause := backoff.New(retryBase, retryLimit)
	var failed error // why the last try failed before ctx was done
	for ctx.Err() == nil {
		answered, err := ask(ctx)
		switch {
		case l.Closed.Err() != nil: // below
		case err == nil:
			return nil
		case ctx.Err() == nil && !etcdclient.Away(err):
			return etcderror.Classify(err)
		case ctx.Err() == nil:
			failed = err
		case answered, failed == nil && l.InContact():
			return ctx.Err()
		}
		_ = pause.Wait(ctx) // the loop sees when ctx is done
	}
	if l.Closed.Err() != nil {
		return registrar.ErrClosed
	}
	return etcderror.Classify(etcderror.Explain(etcderror.Explain(ctx.Err(), failed), l.Source.LastError()))
}

// listOnce lists by one linearizable read. Values are read too, since not all of
// them make a service. It reports whether a part
// of the answer came.
func (l *Lister) listOnce(ctx context.Context, namespace, prefix string) (list []string, answered bool, err error) {
	names := map[string]struct{}{}
	_, err = l.Source.List(ctx, prefix, 0, func(kvs []*mvccpb.KeyValue) error {
		answered = true
		for _, kv := range kvs {
			if k, ok := l.serviceKey(kv); ok {
				name := k.Service
				if namespace == "" {
					name = k.Namespace + "/" + k.Service
				}
				names[strings.Clone(name)] = struct{}{}
			}
		}
		return nil
	})
	return slices.Sorted(maps.Keys(names)), answered, err
}

// serviceKey parses the key of a pair if that makes its service exist: one that is
// served as an instance, or a policy by which others can answer.
func (l *Lister) serviceKey(kv *mvccpb.KeyValue) (catalog.Key, bool) {
	k, err := catalog.ParseKey(strings.TrimPrefix(string(kv.Key), l.Prefix+"/"))
	if err != nil {
		return catalog.Key{}, false
	}
	switch k.Kind {
	case catalog.KindInstance:
		in, err := catalog.DecodeValue(k.ID, kv.Value)
		return k, err == nil && (kv.Lease != 0 || in.Static)
	case catalog.KindPolicy:
		p, err := catalog.DecodePolicy(kv.Value)
		return k, err == nil && p.ValidateFor(catalog.ServiceName{Namespace: k.Namespace, Name: k.Service}, nil) == nil && p.Redirects()
	}
	return catalog.Key{}, false
}
