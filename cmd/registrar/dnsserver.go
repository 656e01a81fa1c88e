package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/backoff"
)

const (
	// dnsTimeout bounds a question: a message can get lost.
	dnsTimeout = 2 * time.Second
	// dnsBase and dnsLimit bound the pause between questions for the revision of a
	// server. As a rule the first or second answer has it: a server that follows
	// etcd is milliseconds behind.
	dnsBase  = 20 * time.Millisecond
	dnsLimit = time.Second
)

// validZone reports whether a zone can be asked for.
func validZone(zone string) bool {
	_, ok := dns.IsDomainName(zone)
	return ok && !strings.ContainsAny(zone, " \t\\")
}

// dnsTarget is what a DNS server is to show: an instance that was written at a
// revision.
type dnsTarget struct {
	zone     string
	instance instanceName
	revision int64
}

// domain returns the name of the instance in DNS.
func (t dnsTarget) domain() string {
	return strings.Join([]string{t.instance.id, t.instance.service, t.instance.namespace, t.zone}, ".")
}

// dnsServer is a DNS server, as HOST:PORT.
type dnsServer string

// parseDNSServer checks a HOST:PORT.
func parseDNSServer(s string) (dnsServer, error) {
	host, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = parseNumber[uint16](port, 1)
	}
	if err != nil || host == "" {
		return "", fmt.Errorf("%q is not HOST:PORT, such as 127.0.0.1:53", s)
	}
	return dnsServer(s), nil
}

// await asks the server until it shows the target, which is nil, or ctx is done.
// Then it returns what was in the way last.
func (s dnsServer) await(ctx context.Context, t dnsTarget) error {
	pause := backoff.New(dnsBase, dnsLimit)
	var last error
	for {
		err := s.shows(ctx, t)
		switch {
		case err == nil:
			return nil
		case ctx.Err() == nil || last == nil:
			last = err
		}
		if err := pause.Wait(ctx); err != nil {
			return fmt.Errorf("%s does not show %s: %w: %w", s, t.instance, last, err)
		}
	}
}

// shows returns nil if the server shows the target, else why not.
func (s dnsServer) shows(ctx context.Context, t dnsTarget) error {
	status, err := s.status(ctx, t.zone)
	switch {
	case err != nil:
		return err
	case status.revision < t.revision || status.state == unsynced:
		return fmt.Errorf("it is at revision %d, the registration at %d: %s", status.revision, t.revision, status.explain())
	}
	// A higher revision can be another registry's.
	if _, valid := dns.IsDomainName(t.domain()); !valid {
		return nil // too long for DNS to have it
	}
	m, err := s.ask(ctx, t.domain())
	switch {
	case err != nil:
		return err
	case m.Rcode == dns.RcodeNameError && len(m.Answer) == 0: // an answer is a CNAME to a host
		return fmt.Errorf("it is at revision %d, the registration at %d, but %s does not exist: check --endpoints and --prefix, and the server's namespaces, allow_net and deny_net",
			status.revision, t.revision, t.domain())
	}
	return nil
}

// serverStatus is what a server says of itself.
type serverStatus struct {
	state    string
	revision int64
	age      string // in seconds
}

// States of a server, as it names them.
const (
	unsynced = "unsynced"
	stale    = "stale"
)

// explain says why a server can be at a lower revision than the one of a write.
func (s serverStatus) explain() string {
	switch s.state {
	case unsynced:
		return "it has not read the registry yet (state unsynced)"
	case stale:
		return fmt.Sprintf("it has had no contact with etcd for %s s (state stale)", s.age)
	default:
		return fmt.Sprintf("it is behind, or serves another registry (state %s): check --endpoints and --prefix", s.state)
	}
}

// status asks the server for its status.
func (s dnsServer) status(ctx context.Context, zone string) (serverStatus, error) {
	name := "_status." + zone
	m, err := s.ask(ctx, name)
	if err != nil {
		return serverStatus{}, err
	}
	if m.Rcode != dns.RcodeSuccess {
		return serverStatus{}, fmt.Errorf("it answers %s for %s: check --zone", dns.RcodeToString[m.Rcode], name)
	}
	status, ok := parseStatus(m.Answer)
	if !ok {
		return serverStatus{}, fmt.Errorf("its answer for %s states no revision: check --zone", name)
	}
	return status, nil
}

// parseStatus reads the strings of TXT records, however they are distributed over
// records.
func parseStatus(records []dns.RR) (status serverStatus, ok bool) {
	for _, rr := range records {
		txt, isTXT := rr.(*dns.TXT)
		if !isTXT {
			continue
		}
		for _, s := range txt.Txt {
			switch key, value, _ := strings.Cut(s, "="); key {
			case "state":
				status.state = value
			case "age":
				status.age = value
			case "revision":
				var err error
				status.revision, err = strconv.ParseInt(value, 10, 64)
				ok = err == nil
			}
		}
	}
	return status, ok
}

// ask asks the server for the TXT records of a name, by TCP where UDP has no room.
func (s dnsServer) ask(ctx context.Context, name string) (m *dns.Msg, err error) {
	for _, network := range []string{"udp", "tcp"} {
		m, err = s.askBy(ctx, network, name)
		if err != nil {
			return nil, errors.New("no answer: " + err.Error()) // that one question timed out is no error of the command's
		}
		if !m.Truncated {
			break
		}
	}
	return m, nil
}

func (s dnsServer) askBy(ctx context.Context, network, name string) (*dns.Msg, error) {
	client := dns.Client{Net: network, Timeout: dnsTimeout}
	conn, err := client.DialContext(ctx, string(s))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // the client heeds ctx's deadline only
	m, _, err := client.ExchangeWithConnContext(ctx, new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeTXT), conn)
	return m, err
}
