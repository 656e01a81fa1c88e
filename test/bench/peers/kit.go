package peers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/bench/process"
	"github.com/rosterdns/roster/test/ports"
)

// Programs are the paths of what is started.
type Programs struct {
	// Roster is the coredns of this repository, Stock CoreDNS as it comes.
	Roster, Stock string
	Etcd          string
	Knot, NSD     string
}

// Kit starts servers. The group ends them.
type Kit struct {
	Programs Programs
	Group    *process.Group
}

// Server is a DNS server that was started.
type Server struct {
	*process.Process
	// Port is where it listens on 127.0.0.1.
	Port int
}

// config is what a server's configuration file is made of.
type config struct {
	// Port is that for queries, Ready that of CoreDNS's plugin ready.
	Port, Ready int
	Dir         string
	// Zone is the path of a zone file.
	Zone string
	// Workers is the number of processes or threads.
	Workers int
	// Endpoint and Prefix are of etcd.
	Endpoint, Prefix string
	Fastpath, Cache  bool
	// Snapshot is the path of Roster's snapshot.
	Snapshot string
	// Other is the port of the secondary or the primary.
	Other int
	// Clusters are etcds, and Namespaces what is read of each.
	Clusters, Namespaces [2]string
}

// start writes a configuration file and starts the program with its path as last argument.
func (k Kit) start(name, text string, c config, argv ...string) (*Server, config, error) {
	var err error
	if c.Dir, err = k.Group.Dir(name); err != nil {
		return nil, c, err
	}
	for _, port := range []*int{&c.Port, &c.Ready} {
		if *port != 0 {
			continue // others know it already
		}
		if *port, err = ports.Free(); err != nil {
			return nil, c, err
		}
	}
	var b strings.Builder
	if err := template.Must(template.New(name).Parse(text)).Execute(&b, c); err != nil {
		return nil, c, err
	}
	file := filepath.Join(c.Dir, "config")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		return nil, c, err
	}
	p, err := k.Group.Start(name, c.Dir, append(argv, file)...)
	if err != nil {
		return nil, c, err
	}
	return &Server{p, c.Port}, c, nil
}

const (
	// startTime bounds the start of a server that has no registry to read.
	startTime = 30 * time.Second
	// askPause is the time between two questions of whether a server answers.
	askPause = 2 * time.Millisecond
	// askTime is how long an answer is waited for.
	askTime = time.Second
)

// Question is a question by UDP.
type Question struct {
	// Name has no dot at the end.
	Name string
	Type uint16
	EDNS bool
}

// Ask asks the server once.
func (s *Server) Ask(ctx context.Context, q Question) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(q.Name), q.Type)
	if q.EDNS {
		m.SetEdns0(dns.DefaultMsgSize, false) // as dnsperf
	}
	c := dns.Client{Timeout: askTime}
	answer, _, err := c.ExchangeContext(ctx, m, fmt.Sprintf("127.0.0.1:%d", s.Port))
	if err != nil {
		return nil, fmt.Errorf("asking %s for %s: %w", s.Name(), q.Name, err)
	}
	return answer, nil
}

// WaitAnswer waits until a question has as many answers.
func (s *Server) WaitAnswer(ctx context.Context, q Question, answers int) error {
	return s.WaitFor(ctx, askPause, func(ctx context.Context) error { return s.Check(ctx, q, answers) })
}

// Check asks a question, and returns an error unless it has as many answers, and with EDNS
// their addresses. Without, there is no room for addresses, for which some servers truncate.
func (s *Server) Check(ctx context.Context, q Question, answers int) error {
	m, err := s.Ask(ctx, q)
	if err != nil {
		return err
	}
	if len(m.Answer) != answers || m.Truncated && q.EDNS {
		return fmt.Errorf("%s has %d answers for %s %s, truncated: %t; want %d", s.Name(), len(m.Answer), q.Name, dns.TypeToString[q.Type], m.Truncated, answers)
	}
	if q.Type == dns.TypeSRV && q.EDNS && addresses(m.Extra) < answers {
		return fmt.Errorf("%s has %d addresses beside its answers for %s, want at least %d", s.Name(), addresses(m.Extra), q.Name, answers)
	}
	return nil
}

func addresses(section []dns.RR) (n int) {
	for _, rr := range section {
		if rr.Header().Rrtype == dns.TypeA {
			n++
		}
	}
	return n
}

// ErrNotBuilt is the error of a start of Roster with an option that it doesn't have.
var ErrNotBuilt = errors.New("not built")
