package roster

import (
	"context"
	"reflect"
	"sync/atomic"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// beneath returns the writer that one of CoreDNS or of a plugin embeds to write to
// in turn, or nil.
func beneath(w dns.ResponseWriter) dns.ResponseWriter {
	v := reflect.Indirect(reflect.ValueOf(w))
	if v.Kind() != reflect.Struct {
		return nil
	}
	field, ok := v.Type().FieldByName("ResponseWriter")
	if !ok || !field.IsExported() {
		return nil
	}
	next, err := v.FieldByIndexErr(field.Index)
	if err != nil || next.Kind() != reflect.Interface || !next.CanInterface() {
		return nil
	}
	w, _ = reflect.TypeAssert[dns.ResponseWriter](next)
	return w
}

// writesOctets reports whether what is written to a writer as octets gets to a client
// by UDP, TCP or DoT as they are, and nothing on the way has to see the message. What
// plugins put around the writer for a query of their own, or to look at the answer, is
// none of these.
func writesOctets(w dns.ResponseWriter) bool {
	for {
		switch next := w.(type) {
		case *request.ScrubWriter: // looks at the size, which is right already
			w = next.ResponseWriter
		case peerWriter:
			w = next.ResponseWriter
		case *metrics.Recorder: // counts octets, and takes them for NOERROR
			w = next.ResponseWriter
		default:
			if !isPluginWriter(w) {
				return isUndecorated(reflect.ValueOf(w))
			}
			w = beneathPluginWriter(w)
		}
	}
}

// isUndecorated reports whether a writer is that of a server for its client, and
// nothing was put before its socket that would have to see what is written. miekg/dns
// has that in a field which is the writer itself else.
func isUndecorated(v reflect.Value) bool {
	if !v.IsValid() || v.Kind() != reflect.Pointer || v.Type().Elem().Kind() != reflect.Struct {
		return false
	}
	client := clientWriter.Load()
	if client == nil || client.of != v.Type() {
		field, ok := v.Type().Elem().FieldByName("writer")
		if !ok || v.Type().Elem().PkgPath() != "github.com/miekg/dns" || field.Type.Kind() != reflect.Interface {
			return false
		}
		client = &writerField{v.Type(), field.Index[0]}
		clientWriter.Store(client)
	}
	socket := v.Elem().Field(client.index).Elem()
	return socket.IsValid() && socket.Type() == client.of && socket.Pointer() == v.Pointer()
}

// writerField is a field of a type of writers.
type writerField struct {
	of    reflect.Type
	index int
}

// clientWriter is the field that isUndecorated looks at, once it has seen one: to find
// it takes longer than all else.
var clientWriter atomic.Pointer[writerField]

// pluginWriterType is the type that isPluginWriter finds.
var pluginWriterType = func() (t reflect.Type) {
	see := plugin.HandlerFunc(func(_ context.Context, w dns.ResponseWriter, _ *dns.Msg) (int, error) {
		t = reflect.TypeOf(w)
		return 0, nil
	})
	_, _ = plugin.NextOrFailure("", see, context.Background(), nil, nil)
	return t
}()

// beneathPluginWriter is beneath for a writer of pluginWriterType, whose first field it
// is.
func beneathPluginWriter(w dns.ResponseWriter) dns.ResponseWriter {
	next, _ := reflect.TypeAssert[dns.ResponseWriter](reflect.ValueOf(w).Elem().Field(0))
	return next
}

// isPluginWriter reports whether a writer is the one that CoreDNS puts around
// another between two plugins, to know which of them wrote the answer.
func isPluginWriter(w dns.ResponseWriter) bool { return reflect.TypeOf(w) == pluginWriterType }

// scrubbed returns the query by which CoreDNS fits answers to the client's size, or
// nil. It is another one than a plugin sees behind one that copies queries.
func scrubbed(w dns.ResponseWriter) *dns.Msg {
	for ; w != nil; w = beneath(w) {
		if scrub, ok := w.(*request.ScrubWriter); ok {
			return fieldOf[*dns.Msg](reflect.ValueOf(scrub).Elem(), "req")
		}
	}
	return nil
}

// fieldOf returns what a field of a struct holds that is not exported, or nil.
func fieldOf[T any](v reflect.Value, name string) T {
	field := v.FieldByName(name)
	if !field.IsValid() || !field.CanAddr() || field.IsZero() {
		return *new(T)
	}
	held, _ := reflect.TypeAssert[T](reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Elem())
	return held
}
