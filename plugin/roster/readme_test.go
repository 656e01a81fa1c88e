package roster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rosterdns/roster/internal/mirror"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// corefiles returns the Corefiles of the README.
func corefiles(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^~~~ corefile\n(.*?)^~~~$").FindAllStringSubmatch(readme(t), -1) {
		found = append(found, m[1])
	}
	return found
}

// TestReadmeCorefiles starts a server with every Corefile of the README, on free
// ports and with files and endpoints of its own in the place of those there.
func TestReadmeCorefiles(t *testing.T) {
	all := corefiles(t)
	if len(all) < 5 {
		t.Errorf("found %d Corefiles", len(all))
	}
	for i, text := range all {
		if strings.Contains(text, "fastpath") && runtime.GOOS != "linux" {
			continue
		}
		t.Run(strconv.Itoa(i+1), func(t *testing.T) {
			s := startServer(t, runnable(t, text))
			if n := len(s.blocks().handlers); n != 1 {
				t.Fatalf("%d roster directives", n)
			}
			zone := s.blocks().handlers[0].origins[0]
			if got := s.ask(t, "_status."+zone+" TXT"); len(got.Answer) != 5 {
				t.Errorf("status: %v", got)
			}
		})
	}
}

// runnable makes a Corefile run anywhere.
func runnable(t *testing.T, text string) string {
	t.Helper()
	dir, nowhere := t.TempDir(), freeAddress(t)
	writeFiles(t, dir)
	for _, r := range []struct{ pattern, with string }{
		{`(?m)^    roster$`, "    roster {\n    }"},
		{`roster {\n`, "roster {\n        endpoint http://" + nowhere + "\n        startup_timeout 0s\n"},
		// What the Corefile states itself replaces what was just put in.
		{`endpoint http://\S+\n(        startup_timeout 0s\n)        endpoint [^\n]+`, "endpoint https://" + nowhere + "\n$1"},
		{`startup_timeout 0s\n((?s:[^}]*))        startup_timeout [^\n]+\n`, "startup_timeout 0s\n$1"},
		{`(?m)^(\S.*) {$`, "$1 {\n    bind 127.0.0.1"},
		{`(?m)^(\S+)( \S+)? {`, "$1:0$2 {"},
		{`(?m)^(\S+ \S+) {`, "$1:0 {"},
		{`(?m)^    (ready|prometheus)$`, "    $1 127.0.0.1:0"},
		{`forward \. \S+`, "forward . " + nowhere},
		{`/etc/coredns`, dir},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	if strings.Contains(text, "fastpath") { // which needs to know the port
		text = strings.ReplaceAll(text, ":0 {", ":"+freePort(t)+" {")
	}
	return text
}

// writeFiles writes the files that the README's Corefiles name.
func writeFiles(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	for name, data := range map[string][]byte{
		"ca.pem": certPEM, "client.pem": certPEM,
		"client-key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		"etcd-login":     []byte("user\npassword\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadmeSubnets checks what the README says of client subnets with a wrong number
// of octets in the address, which the DNS library reads as if it were right.
func TestReadmeSubnets(t *testing.T) {
	t.Parallel()
	r := serving(t, located, fleet)
	for _, tt := range []struct {
		option, want string // want is a subnet, or empty for FORMERR
	}{
		{"\x00\x01\x18\x00\xc6\x33\x64", "198.51.100.0/24"},
		{"\x00\x01\x18\x00\xc6\x33", "198.51.0.0/24"},
		{"\x00\x01\x18\x00", "0.0.0.0/24"},
		{"\x00\x01\x18\x00\xc6\x33\x64\x00", "198.51.100.0/24"},
		{"\x00\x01\x18\x00\xc6\x33\x64\x00\x01", "198.51.100.0/24"},
		{"\x00\x01\x18\x00\xc6\x33\x64\x01", ""},
	} {
		req := withOption("web.default.svc.internal. A", &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: []byte(tt.option)})
		wire, err := req.Pack()
		if err == nil {
			err = req.Unpack(wire)
		}
		if err != nil {
			t.Fatal(err)
		}
		w := &recorder{ResponseWriter: &from{address: "192.0.2.1"}}
		code, err := r.ServeDNS(t.Context(), w, req)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if code != dns.RcodeFormatError { // which CoreDNS writes
			o := subnetOf(w.written)
			got = fmt.Sprintf("%s/%d", o.Address, o.SourceNetmask)
		}
		if got != tt.want {
			t.Errorf("%x: got %q, want %q", tt.option, got, tt.want)
		}
	}
}

// TestReadmeComplete checks that the README names every property, metric, reason
// and section, and has every property in a Corefile.
func TestReadmeComplete(t *testing.T) {
	t.Parallel()
	text, examples := readme(t), strings.Join(corefiles(t), "")
	mentions := func(what, s string) {
		if !strings.Contains(text, s) {
			t.Errorf("%s %s is missing", what, s)
		}
	}
	for name := range properties {
		if !regexp.MustCompile(`\n    ` + name + `[ \n]`).MatchString(text) {
			t.Errorf("property %s is not in the syntax", name)
		}
		mentions("property", "`"+name+"`")
		if !regexp.MustCompile(`(?m)^ +` + name + `\b`).MatchString(examples) {
			t.Errorf("property %s is in no Corefile", name)
		}
	}
	for _, section := range []string{"Name", "Description", "Syntax", "Metrics", "Ready", "Metadata", "Examples", "Bugs", "See Also"} {
		mentions("section", "\n## "+section+"\n")
	}
	for _, r := range []mirror.Reason{
		mirror.ReasonStart, mirror.ReasonCompacted, mirror.ReasonClosed, mirror.ReasonSilent, mirror.ReasonRegressed, mirror.ReasonList, mirror.ReasonAuth,
		mirror.ReasonDisorder, mirror.ReasonAudit, mirror.ReasonLeader, mirror.ReasonCorrupt,
	} {
		mentions("reason", "`"+string(r)+"`")
	}
	descs := make(chan *prometheus.Desc, 100)
	for _, c := range []prometheus.Collector{
		responses, fastPackets, chases, namesTooLong, deniedAddresses, lists, listSeconds, resumes, propagation, audits, differences, failures, skipped,
		protections, lastSets, snapshotWrites, snapshotSeconds, snapshotBytes, snapshotTime,
		collector{replicas},
		droppedLines,
	} {
		c.Describe(descs)
	}
	close(descs)
	var exported []string
	for d := range descs {
		m := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(d.String())
		exported = append(exported, m[1])
		mentions("metric", "`"+m[1]+"{")
	}
	for _, m := range regexp.MustCompile("`(coredns_[a-z_]+){").FindAllStringSubmatch(text, -1) {
		if !slices.Contains(exported, m[1]) {
			t.Errorf("metric %s isn't exported", m[1])
		}
	}
	for ttl, want := range map[string]uint32{"The default is %d. All": defaultTTL, "The defaults are 0 and %d.": defaultMaxTTL} {
		mentions("default", fmt.Sprintf(ttl, want))
	}
}
