package catalog

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Limits of a policy.
const (
	// MaxPolicyCount bounds numbers of instances: no DNS message has room for
	// more records.
	MaxPolicyCount = 65_535
	// MaxKeepLast is a day, in seconds: as long as a snapshot is answered from
	// by default. An instance that is to outlive its process for longer is static.
	MaxKeepLast = 86_400
	// MaxFailover bounds the services that a question is passed on to: while none
	// has an instance to answer with, each question looks at all of them.
	MaxFailover = 8
)

// Policy says how a service answers: the value of its policy key. The zero value
// is that of a service without one. TTL and MaxAnswers are for DNS alone.
type Policy struct {
	// TTL is in seconds, for instances that state none; 0 means the default of the
	// DNS server.
	TTL uint32 `json:"ttl,omitzero"`
	// MaxAnswers is how many records an answer for the service has at most; 0
	// means the default of the DNS server.
	MaxAnswers int `json:"max_answers,omitzero"`
	// MinUp is how many instances have to be up, else those that are draining or
	// down answer too; with 0 they never do.
	MinUp int `json:"min_up,omitzero"`
	// KeepLast is for how many seconds the last instances of the service stay
	// served that went without having been unregistered; nil means the default of
	// the reader, 0 not at all.
	KeepLast *uint32 `json:"keep_last,omitempty"`
	// Failover has the services of which the first that has an instance to answer
	// with takes over when none of this one is left.
	Failover []ServiceName `json:"failover,omitempty"`
	// Alias is the service whose instances answer for this one, if set.
	Alias ServiceName `json:"alias,omitzero"`
}

// Redirects reports whether instances of other services can answer for the
// service. It exists then, even without instances of its own.
func (p *Policy) Redirects() bool { return p != nil && (!p.Alias.IsZero() || len(p.Failover) > 0) }

// Up returns MinUp; of nil 0.
func (p *Policy) Up() int {
	if p == nil {
		return 0
	}
	return p.MinUp
}

// KeepFor returns KeepLast; where it is not stated, and of nil, the default.
func (p *Policy) KeepFor(byDefault time.Duration) time.Duration {
	if p == nil || p.KeepLast == nil {
		return byDefault
	}
	return time.Duration(*p.KeepLast) * time.Second
}

// Equal reports whether two policies say the same.
func (p *Policy) Equal(other *Policy) bool {
	const unstated = -1
	return p.TTL == other.TTL && p.MaxAnswers == other.MaxAnswers && p.MinUp == other.MinUp &&
		p.KeepFor(unstated) == other.KeepFor(unstated) && p.Alias == other.Alias && slices.Equal(p.Failover, other.Failover)
}

// EncodeValue returns the policy as the value of its key. Equal policies have
// equal values.
func (p *Policy) EncodeValue() []byte { return encode(p) }

// Validate checks a policy against every rule but those of ValidateFor. The error
// is ErrInvalid and names each member at fault.
func (p *Policy) Validate() error {
	errs := []error{
		checkCount("max_answers", p.MaxAnswers, MaxPolicyCount),
		checkCount("min_up", p.MinUp, MaxPolicyCount),
		p.checkFailover(),
	}
	if p.KeepLast != nil {
		errs = append(errs, checkCount("keep_last", int(*p.KeepLast), MaxKeepLast))
	}
	if !p.Alias.IsZero() {
		errs = append(errs, below("alias", p.Alias.check()))
	}
	return errors.Join(errs...)
}

func checkCount(field string, n, most int) error {
	if n < 0 || n > most {
		return invalid(field, "is %d, not a whole number from 0 to %d", n, most)
	}
	return nil
}

func (p *Policy) checkFailover() error {
	if len(p.Failover) > MaxFailover {
		return invalid("failover", "has %d entries, more than %d", len(p.Failover), MaxFailover)
	}
	for i, n := range p.Failover {
		field := fmt.Sprintf("failover[%d]", i)
		if err := n.check(); err != nil {
			return below(field, err)
		}
		if slices.Contains(p.Failover[:i], n) {
			return invalid(field, "%s is named twice", quote(n.String()))
		}
	}
	return nil
}

// ValidateFor checks a policy of a service against every rule, also that it leads
// to another service: neither to the service itself, nor by the alias of its alias
// back to it. aliasOf returns the alias of another service, the zero value if it
// has none; nil leaves that out, since readers don't follow a second alias.
func (p *Policy) ValidateFor(service ServiceName, aliasOf func(ServiceName) ServiceName) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if i := slices.Index(p.Failover, service); i >= 0 {
		return invalid(fmt.Sprintf("failover[%d]", i), "%s is the service itself", quote(service.String()))
	}
	if p.Alias == service {
		return invalid("alias", "%s is the service itself", quote(service.String()))
	}
	if aliasOf == nil {
		return nil
	}
	passed := map[ServiceName]bool{}
	for next := p.Alias; !next.IsZero() && !passed[next]; next = aliasOf(next) {
		if next == service {
			return invalid("alias", "%s leads back to the service itself", quote(p.Alias.String()))
		}
		passed[next] = true
	}
	return nil
}
