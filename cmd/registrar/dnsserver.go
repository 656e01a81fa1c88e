package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/cmd/registrar/internal/dnsserver"
	"github.com/rosterdns/roster/internal/backoff"
)

const (
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

// await asks a server until it shows the target, which is nil, or ctx is done.
// Then it returns what was in the way last.
func (t dnsTarget) await(ctx context.Context, s dnsserver.Server) error {
	pause := backoff.New(dnsBase, dnsLimit)
	var last error
	for {
		err := t.shownBy(ctx, s)
		switch {
		case err == nil:
			return nil
		case last == nil || !isOver(ctx):
			last = err
		}
		if err := pause.Wait(ctx); err != nil {
			return fmt.Errorf("%s does not show %s: %w: %w", s, t.instance, last, err)
		}
	}
}

// isOver reports whether ctx is done, or is about to be: a question that its deadline cuts
// short can end right before.
func isOver(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// shownBy returns nil if a server shows the target, else why not.
func (t dnsTarget) shownBy(ctx context.Context, s dnsserver.Server) error {
	status, err := s.Status(ctx, t.zone)
	switch {
	case err != nil:
		return err
	case status.Revision < t.revision || status.State == dnsserver.Unsynced:
		return fmt.Errorf("it is at revision %d, the registration at %d: %s", status.Revision, t.revision, status.Explain())
	}
	// A higher revision can be another registry's.
	if _, valid := dns.IsDomainName(t.domain()); !valid {
		return nil // too long for DNS to have it
	}
	m, err := s.Ask(ctx, t.domain(), dns.TypeTXT)
	switch {
	case err != nil:
		return err
	case m.Rcode == dns.RcodeNameError && len(m.Answer) == 0: // an answer is a CNAME to a host
		return fmt.Errorf("it is at revision %d, the registration at %d, but %s does not exist: check --endpoints and --prefix, and the server's namespaces, allow_net and deny_net",
			status.Revision, t.revision, t.domain())
	}
	return nil
}
