package catalog

import (
	"fmt"
	"strings"
)

// DefaultPrefix is the etcd prefix of a registry that states none.
const DefaultPrefix = "/roster"

// Components of keys with a meaning. All that start with '_' are reserved.
const (
	statusComponent = "_status"
	policyComponent = "_policy"
)

// Kind says what is stored under a key.
type Kind uint8

const (
	// KindReserved is a key with a reserved component that this version has no
	// use for. Readers ignore it.
	KindReserved Kind = iota
	// KindInstance is the key of an instance: /N/S/I.
	KindInstance
	// KindStatus is an operator's override of an instance's status: /N/S/_status/I.
	KindStatus
	// KindPolicy is the policy of a service: /N/S/_policy.
	KindPolicy
)

// Key is the parsed form of a key below a registry's prefix.
type Key struct {
	Kind               Kind
	Namespace, Service string
	// ID is the instance's; empty for KindPolicy.
	ID string
}

// ParseKey parses what follows the prefix and its '/' in a key: "N/S/I". The
// strings of the result share the memory of rel. An error is ErrInvalid and
// says which component is at fault; keys of KindReserved are no error.
func ParseKey(rel string) (Key, error) {
	var parts [4]string
	n, reserved := 0, 0
	for part := range strings.SplitSeq(rel, "/") {
		if strings.HasPrefix(part, "_") {
			reserved++
		}
		if n < len(parts) {
			parts[n] = part
		}
		n++
	}
	k := Key{Namespace: parts[0], Service: parts[1]}
	switch {
	case reserved == 1 && n == 3 && parts[2] == policyComponent:
		k.Kind = KindPolicy
	case reserved == 1 && n == 4 && parts[2] == statusComponent:
		k.Kind, k.ID = KindStatus, parts[3]
	case reserved > 0:
		return Key{Kind: KindReserved}, nil
	case n == 1:
		return Key{}, invalid("key", "has 1 component below the prefix, not NAMESPACE/SERVICE/ID")
	case n != 3:
		return Key{}, invalid("key", "has %d components below the prefix, not NAMESPACE/SERVICE/ID", n)
	default:
		k.Kind, k.ID = KindInstance, parts[2]
	}
	return k, k.check()
}

func (k Key) check() error {
	if err := CheckNamespace(k.Namespace); err != nil {
		return err
	}
	if err := CheckLabel("name", k.Service); err != nil {
		return err
	}
	if k.Kind == KindPolicy {
		return nil
	}
	return CheckLabel("id", k.ID)
}

// InstanceKey returns the key of an instance. The prefix is as CleanPrefix
// returns it, the names are labels.
func InstanceKey(prefix, namespace, service, id string) string {
	return prefix + "/" + namespace + "/" + service + "/" + id
}

// StatusKey returns the key of the override of an instance's status.
func StatusKey(prefix, namespace, service, id string) string {
	return ServicePrefix(prefix, namespace, service) + statusComponent + "/" + id
}

// PolicyKey returns the key of the policy of a service.
func PolicyKey(prefix, namespace, service string) string {
	return ServicePrefix(prefix, namespace, service) + policyComponent
}

// ServicePrefix returns what all keys of a service start with. It ends in '/',
// so that no other service's keys do.
func ServicePrefix(prefix, namespace, service string) string {
	return prefix + "/" + namespace + "/" + service + "/"
}

// NamespacePrefix returns what all keys of a namespace start with. It ends in
// '/', so that no other namespace's keys do.
func NamespacePrefix(prefix, namespace string) string {
	return prefix + "/" + namespace + "/"
}

// CleanPrefix checks a registry's prefix and returns it with a '/' before it
// and none after it. An empty one stands for DefaultPrefix.
func CleanPrefix(prefix string) (string, error) {
	if prefix == "" {
		return DefaultPrefix, nil
	}
	p := strings.TrimSuffix(prefix, "/")
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	for c := range strings.SplitSeq(p[1:], "/") {
		if c == "" || !isGraphic(c) {
			return "", invalid("prefix", "%s is not a path of printable ASCII components such as %s", quote(prefix), DefaultPrefix)
		}
	}
	return p, nil
}

// isGraphic reports whether s holds visible ASCII only.
func isGraphic(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// String returns the key below the prefix, for messages.
func (k Key) String() string {
	switch k.Kind {
	case KindInstance:
		return fmt.Sprintf("%s/%s/%s", k.Namespace, k.Service, k.ID)
	case KindStatus:
		return fmt.Sprintf("%s/%s/%s/%s", k.Namespace, k.Service, statusComponent, k.ID)
	case KindPolicy:
		return fmt.Sprintf("%s/%s/%s", k.Namespace, k.Service, policyComponent)
	default:
		return "(reserved)"
	}
}
