package dnsserver

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Status is what a server says of itself.
type Status struct {
	// State is Live, Stale or Unsynced.
	State string
	// Revision is that of etcd which the server shows.
	Revision int64
	// Age is how long ago the server heard of etcd.
	Age time.Duration
	// Serial is that of its SOA record.
	Serial uint32
	// Instances counts the valid ones that it knows.
	Instances int
}

// States of a server, as it names them.
const (
	// Live is a server in contact with etcd.
	Live = "live"
	// Stale is a server that has lost contact.
	Stale = "stale"
	// Unsynced is a server that has not read the registry yet.
	Unsynced = "unsynced"
)

// Explain says why a server can be at a lower revision than the one of a write.
func (s Status) Explain() string {
	switch s.State {
	case Unsynced:
		return "it has not read the registry yet (state unsynced)"
	case Stale:
		return fmt.Sprintf("it has had no contact with etcd for %.0f s (state stale)", s.Age.Seconds())
	default:
		return fmt.Sprintf("it is behind, or serves another registry (state %s): check --endpoints and --prefix", s.State)
	}
}

// Status asks the server for its status as the server of a zone.
func (s Server) Status(ctx context.Context, zone string) (Status, error) {
	name := "_status." + zone
	m, err := s.Ask(ctx, name, dns.TypeTXT)
	if err != nil {
		return Status{}, err
	}
	if m.Rcode != dns.RcodeSuccess {
		return Status{}, fmt.Errorf("it answers %s for %s: check --zone", dns.RcodeToString[m.Rcode], name)
	}
	status, ok := parseStatus(m.Answer)
	if !ok {
		return Status{}, fmt.Errorf("its answer for %s states no revision: check --zone", name)
	}
	return status, nil
}

// parseStatus reads the strings of TXT records, however they are distributed over
// records. It reports false if there is no revision among them.
func parseStatus(records []dns.RR) (s Status, ok bool) {
	for _, rr := range records {
		txt, isTXT := rr.(*dns.TXT)
		if !isTXT {
			continue
		}
		for _, text := range txt.Txt {
			key, value, _ := strings.Cut(text, "=")
			n, err := strconv.ParseInt(value, 10, 64)
			switch key {
			case "state":
				s.State = value
			case "age":
				s.Age = time.Duration(n) * time.Second
			case "serial":
				s.Serial = uint32(n)
			case "instances":
				s.Instances = int(n)
			case "revision":
				s.Revision, ok = n, err == nil
			}
		}
	}
	return s, ok
}
