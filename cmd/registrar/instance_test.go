package main

import (
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

func TestParsePort(t *testing.T) {
	t.Parallel()
	good := map[string]registrar.Port{
		"8080":              {Port: 8080, Protocol: "tcp"},
		"http:8080":         {Name: "http", Port: 8080, Protocol: "tcp"},
		"dns:53/udp":        {Name: "dns", Port: 53, Protocol: "udp"},
		"53/udp":            {Port: 53, Protocol: "udp"},
		"http:80/tcp":       {Name: "http", Port: 80, Protocol: "tcp"},
		"65535":             {Port: 65535, Protocol: "tcp"},
		"1":                 {Port: 1, Protocol: "tcp"},
		"a-name-of-15-ch:1": {Name: "a-name-of-15-ch", Port: 1, Protocol: "tcp"},
	}
	for text, want := range good {
		got, err := parsePort(text)
		if err != nil || got != want {
			t.Errorf("parsePort(%q) = %+v, %v; want %+v", text, got, err, want)
		}
	}
	bad := map[string]string{
		"":                `"" is not a whole number from 1 to 65535`,
		"0":               `"0" is not a whole number from 1 to 65535`,
		"65536":           `"65536" is not a whole number from 1 to 65535`,
		"-1":              `"-1" is not a whole number from 1 to 65535`,
		"+1":              `"+1" is not a whole number from 1 to 65535`,
		"4294967297":      `"4294967297" is not a whole number from 1 to 65535`,
		"http":            `"http" is not a whole number from 1 to 65535`,
		":80":             `":80" has no name before ':': use [NAME:]PORT[/PROTO]`,
		"80/":             `protocol "" is neither tcp nor udp`,
		"80/sctp":         `protocol "sctp" is neither tcp nor udp`,
		"80/TCP":          `protocol "TCP" is neither tcp nor udp`,
		"80/tcp/udp":      `protocol "tcp/udp" is neither tcp nor udp`,
		"http:80:81":      `"80:81" is not a whole number from 1 to 65535`,
		"dns-sd:80":       `name "dns-sd" is reserved (RFC 6763, 9)`,
		"8080:http":       `name "8080" is not a service name: 1 to 15 of a-z, 0-9 and '-', at least one letter, no '--', no '-' at either end (RFC 6335)`,
		"10.0.0.7:8080":   `name "10.0.0.7" is not a service name: 1 to 15 of a-z, 0-9 and '-', at least one letter, no '--', no '-' at either end (RFC 6335)`,
		"HTTP:80":         `name "HTTP" is not a service name: 1 to 15 of a-z, 0-9 and '-', at least one letter, no '--', no '-' at either end (RFC 6335)`,
		"name-of-16-ch-:": `name "name-of-16-ch-" is not a service name: 1 to 15 of a-z, 0-9 and '-', at least one letter, no '--', no '-' at either end (RFC 6335)`,
	}
	for text, want := range bad {
		_, err := parsePort(text)
		if err == nil || err.Error() != want {
			t.Errorf("parsePort(%q): error %v, want %s", text, err, want)
		}
	}
}

func FuzzParsePort(f *testing.F) {
	for _, seed := range []string{"", "80", "http:80", "dns:53/udp", ":", "/", ":/", "a:0/tcp", "http:65535/", "\xff:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePort(text)
		if err != nil {
			return
		}
		if p.Port == 0 || catalog.CheckPortName("name", p.Name) != nil || (p.Protocol != "tcp" && p.Protocol != "udp") {
			t.Fatalf("parsePort(%q) = %+v, which the catalog refuses", text, p)
		}
		again, err := parsePort(formatPort(p))
		if err != nil || again != p {
			t.Fatalf("parsePort(%q) = %+v, but its text %q reads as %+v, %v", text, p, formatPort(p), again, err)
		}
	})
}

func TestParseMeta(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, key, value string }{
		{"version=1.2.3", "version", "1.2.3"},
		{"empty=", "empty", ""},
		{"query=a=b", "query", "a=b"},
		{"with space=x y", "with space", "x y"},
	} {
		key, value, err := parseMeta(c.text)
		if err != nil || key != c.key || value != c.value {
			t.Errorf("parseMeta(%q) = %q, %q, %v; want %q, %q", c.text, key, value, err, c.key, c.value)
		}
	}
	for _, text := range []string{"", "version", "=1"} {
		if key, value, err := parseMeta(text); err == nil {
			t.Errorf("parseMeta(%q) = %q, %q; want an error", text, key, value)
		}
	}
}

func FuzzParseMeta(f *testing.F) {
	for _, seed := range []string{"", "k=v", "k=", "=v", "k=a=b", "k", "\x00=\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, value, err := parseMeta(text)
		if err == nil && key+"="+value != text {
			t.Fatalf("parseMeta(%q) = %q, %q, which is another pair", text, key, value)
		}
		if err == nil && key == "" {
			t.Fatalf("parseMeta(%q) has an empty key", text)
		}
	})
}
