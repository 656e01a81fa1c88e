package roster

import (
	"reflect"

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

// isPluginWriter reports whether a writer is the one that CoreDNS puts around
// another between two plugins, to know which of them wrote the answer.
func isPluginWriter(w dns.ResponseWriter) bool {
	t := reflect.TypeOf(w)
	return t != nil && t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "github.com/coredns/coredns/plugin" && t.Elem().Name() == "pluginWriter"
}

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
