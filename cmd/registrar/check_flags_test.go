package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/health"
)

// checkOf returns the flags of a check.
func checkOf(t *testing.T, args ...string) *checkFlags {
	t.Helper()
	f, cmd := &checkFlags{}, &cobra.Command{}
	f.add(cmd, "")
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestCheckCACert shows that a check trusts who the given authorities have signed.
func TestCheckCACert(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // one check refuses it
	server.StartTLS()
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	probe := func(spec string, args ...string) health.Probe {
		f := checkOf(t, append([]string{"--check", spec}, args...)...)
		if err := f.valid(); err != nil {
			t.Fatal(err)
		}
		c, err := f.checker(registrar.ServiceName{}, &registrar.Instance{})
		if err != nil {
			t.Fatal(err)
		}
		return c.Probe
	}
	if err := probe(server.URL).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("without the authority: %v", err)
	}
	// The server has no handler, and answers 404.
	if err := probe(server.URL, "--check-cacert", file).Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("with the authority: %v", err)
	}
	if p, ok := probe("grpcs://127.0.0.1:1", "--check-cacert", file).(*health.GRPC); !ok || p.TLS.RootCAs == nil {
		t.Errorf("grpcs trusts the system: %v", p)
	}
	for _, spec := range []string{"http://", "tcp://", "grpc://", "exec:https://"} {
		if err := checkOf(t, "--check", spec, "--check-cacert", file).valid(); err == nil {
			t.Errorf("--check-cacert is taken with %s", spec)
		}
	}
}
