package main

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/rosterdns/roster/cmd/registrar/internal/feed"
	"github.com/rosterdns/roster/registrar"
)

// watchLists returns what yields the names of services as NAMESPACE/SERVICE.
func watchLists(client *registrar.Client) feed.Watch[[]string] {
	return func(ctx context.Context, namespace string) iter.Seq2[[]string, error] {
		return func(yield func([]string, error) bool) {
			for names, err := range client.WatchList(ctx, namespace) {
				if namespace == "" && errors.Is(err, registrar.ErrPermission) {
					err = fmt.Errorf("%w: the user may not read all namespaces: name one, as in services \"prod\"", err)
				}
				if !yield(inNamespace(namespace, names), err) {
					return
				}
			}
		}
	}
}

// inNamespace returns names in full: those of all namespaces are. Names that are not known
// stay nil.
func inNamespace(namespace string, names []string) []string {
	if namespace == "" || names == nil {
		return names
	}
	full := make([]string, len(names))
	for i, name := range names {
		full[i] = namespace + "/" + name
	}
	return full
}
