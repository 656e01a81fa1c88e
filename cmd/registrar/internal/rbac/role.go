// Package rbac knows which permissions of etcd's users the parts of Roster need, and no
// more, and grants them.
package rbac

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/catalog"
)

// Access is what a permission allows.
type Access string

// The kinds of access.
const (
	Read      Access = "read"
	ReadWrite Access = "readwrite"
)

// Permission is access to all keys that start with a prefix, which ends in '/'.
type Permission struct {
	Access Access
	Prefix string
}

// MarshalJSON implements json.Marshaler with the range as etcd's API has it.
func (p Permission) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Type     Access `json:"type"`
		Key      string `json:"key"`
		RangeEnd string `json:"range_end"`
	}{p.Access, p.Prefix, clientv3.GetPrefixRangeEnd(p.Prefix)})
}

// Role is a role of etcd.
type Role struct {
	Name        string       `json:"role"`
	Permissions []Permission `json:"permissions"`
	// Users get the role. They have to exist.
	Users []string `json:"users,omitempty"`
}

// Target is a namespace, or with a name one service of it.
type Target struct{ Namespace, Service string }

// prefix returns what its keys start with.
func (t Target) prefix(registry string) string {
	if t.Service == "" {
		return catalog.NamespacePrefix(registry, t.Namespace)
	}
	return catalog.ServicePrefix(registry, t.Namespace, t.Service)
}

// DNS returns the role of a DNS server that serves namespaces of a registry, or all of
// them if none is named. It lists and watches them, and writes nothing.
func DNS(name, registry string, namespaces []string) Role {
	r := Role{Name: name}
	for _, n := range namespaces {
		r.add(Read, Target{Namespace: n}.prefix(registry))
	}
	if len(namespaces) == 0 {
		r.add(Read, registry+"/")
	}
	return r
}

// Registrar returns the role of programs that register instances of services, read them,
// drain them and set their policies, and that read others. Their leases need no
// permission of their own: etcd asks for that to write the keys under them.
func Registrar(name, registry string, written, read []Target) Role {
	r := Role{Name: name}
	for _, t := range written {
		r.add(ReadWrite, t.prefix(registry))
	}
	for _, t := range read {
		r.add(Read, t.prefix(registry))
	}
	return r
}

// add adds a permission, unless another one includes it.
func (r *Role) add(access Access, prefix string) {
	included := func(p, by Permission) bool {
		return strings.HasPrefix(p.Prefix, by.Prefix) && (p.Access == by.Access || by.Access == ReadWrite)
	}
	added := Permission{access, prefix}
	if slices.ContainsFunc(r.Permissions, func(p Permission) bool { return included(added, p) }) {
		return
	}
	r.Permissions = slices.DeleteFunc(r.Permissions, func(p Permission) bool { return included(p, added) })
	r.Permissions = append(r.Permissions, added)
}

// Commands returns the commands of etcdctl that make the role.
func (r *Role) Commands() []string {
	commands := []string{"etcdctl role add " + shell(r.Name)}
	for _, p := range r.Permissions {
		commands = append(commands, "etcdctl role grant-permission "+shell(r.Name)+" "+string(p.Access)+" --prefix=true "+shell(p.Prefix))
	}
	for _, u := range r.Users {
		commands = append(commands, "etcdctl user grant-role "+shell(u)+" "+shell(r.Name))
	}
	return commands
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,][A-Za-z0-9_./:=@%+,-]*$`)

// shell quotes an argument where a shell takes it for something else.
func shell(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
