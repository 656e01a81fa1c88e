package roster

import (
	"context"
	"strconv"

	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/request"
)

// Metadata implements metadata.Provider: what the name asked for stands for.
// Labels are set only where the name has the part.
func (r *Roster) Metadata(ctx context.Context, state request.Request) context.Context {
	qname := state.Name()
	z := r.zones[r.origins.Matches(qname)]
	if z == nil {
		return ctx
	}
	n := z.parse(qname)
	if n.portNumber != 0 {
		n.port = strconv.Itoa(int(n.portNumber))
	}
	for label, value := range map[string]string{
		"namespace": n.namespace, "service": n.service, "instance": n.instance,
		"port": n.port, "protocol": n.protocol,
	} {
		if value != "" {
			metadata.SetValueFunc(ctx, pluginName+"/"+label, func() string { return value })
		}
	}
	return ctx
}
