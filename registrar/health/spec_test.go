package health_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/health"
)

func TestSpec(t *testing.T) {
	t.Parallel()
	in := &registrar.Instance{
		Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("10.0.0.7")},
		Ports:     []registrar.Port{{Name: "dns", Port: 53, Protocol: "udp"}, {Name: "http", Port: 8080}, {Name: "grpc", Port: 9090, Protocol: "tcp"}},
	}
	host := &registrar.Instance{Host: "db1.example.com"}
	for _, c := range []struct {
		text string
		in   *registrar.Instance
		want string
	}{
		{"http://:8080/healthz?full=1", in, "HTTP http://[2001:db8::7]:8080/healthz?full=1"},
		{"http://", in, "HTTP http://[2001:db8::7]:8080"},
		{"https://:http", in, "HTTP https://[2001:db8::7]:8080"},
		{"http://127.0.0.1:81/", in, "HTTP http://127.0.0.1:81/"},
		{"http://:http?x=y", in, "HTTP http://[2001:db8::7]:8080?x=y"},
		{"tcp://:http", in, "TCP [2001:db8::7]:8080"},
		{"tcp://", in, "TCP [2001:db8::7]:8080"},
		{"tcp://::1", in, "TCP [::1]:8080"},
		{"tcp://[::1]:7", in, "TCP [::1]:7"},
		{"tcp://localhost", in, "TCP localhost:8080"},
		{"tcp://:5432", host, "TCP db1.example.com:5432"},
		{"grpc://:grpc", in, "GRPC [2001:db8::7]:9090  false"},
		{"grpc://:grpc/orders.v1", in, "GRPC [2001:db8::7]:9090 orders.v1 false"},
		{"grpcs://db1:1/", in, "GRPC db1:1  true"},
		{"exec:check --fast", &registrar.Instance{}, "Exec sh -c check --fast"},
	} {
		p, err := probeOf(c.text, c.in)
		if got := describe(p); err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.text, got, err, c.want)
		}
	}
	for text, want := range map[string]string{
		"": "must be", "orders": "must be", "udp://:53": "must be", "://": "must be", "tcp://:dns": `port "dns"`, "tcp://:0": `port "0"`,
		"tcp://:70000": `port "70000"`, "tcp://:8080/x": `unexpected "/x"`, "exec:": "command is missing", "exec: ": "command is missing",
		"http://a b:80/": "invalid character",
	} {
		if p, err := probeOf(text, in); !errors.Is(err, registrar.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want %q", text, p, err, want)
		}
	}
	if _, err := probeOf("tcp://", host); !errors.Is(err, registrar.ErrInvalid) {
		t.Errorf("no port: %v", err)
	}
	if _, err := probeOf("tcp://:80", &registrar.Instance{}); !errors.Is(err, registrar.ErrInvalid) {
		t.Errorf("no address: %v", err)
	}
}

// probeOf returns what a text means for an instance.
func probeOf(text string, in *registrar.Instance) (health.Probe, error) {
	s, err := health.ParseSpec(text)
	if err != nil {
		return nil, err
	}
	if s.String() != text {
		return nil, fmt.Errorf("String is %q", s)
	}
	return s.Probe(in)
}

func describe(p health.Probe) string {
	switch p := p.(type) {
	case *health.HTTP:
		return "HTTP " + p.URL
	case *health.TCP:
		return "TCP " + p.Address
	case *health.GRPC:
		return fmt.Sprintf("GRPC %s %s %v", p.Address, p.Service, p.TLS != nil)
	case *health.Exec:
		return "Exec " + strings.Join(p.Command, " ")
	default:
		return fmt.Sprintf("%T", p)
	}
}

// FuzzSpec checks that no text is a fault of this program.
func FuzzSpec(f *testing.F) {
	for _, text := range []string{"http://:8080/healthz", "tcp://[::1]:7", "tcp://[", "grpc://:http/x", "exec:true", "http://%zz", "://"} {
		f.Add(text)
	}
	in := &registrar.Instance{Host: "a.example.com", Ports: []registrar.Port{{Name: "http", Port: 80}}}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := probeOf(text, in); (p == nil) != (err != nil) || err != nil && !errors.Is(err, registrar.ErrInvalid) {
			t.Errorf("%q: %v, %v", text, p, err)
		}
	})
}
