//go:build acceptance

package acceptance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// prometheusURL is where Prometheus answers in its namespace.
const prometheusURL = "http://127.0.0.1:9090"

// job is a job of Prometheus whose targets are found in DNS.
type job struct {
	name, dnsName, qtype string
	want                 []string // targets
}

// startPrometheus starts it in the namespace, whose resolv.conf it reads.
func startPrometheus(t *testing.T, ns *namespace, jobs []job) {
	t.Helper()
	dir := t.TempDir()
	var config strings.Builder
	config.WriteString("scrape_configs:\n")
	for _, j := range jobs {
		fmt.Fprintf(&config, "- job_name: %s\n  dns_sd_configs:\n  - {names: [%s], type: %s, port: 8080, refresh_interval: 500ms}\n", j.name, j.dnsName, j.qtype)
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p := ns.start(t, harness.Command{Name: "prometheus", Path: "prometheus", Dir: dir, Args: []string{
		"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:9090",
	}})
	p.WaitOutput(t, harness.Patience, "Server is ready", 1)
}

// targets are the addresses that Prometheus reports as targets, by job.
func targets(t *testing.T, ns *namespace) (map[string][]string, error) {
	t.Helper()
	out, err := ns.fetch(t, prometheusURL+"/api/v1/targets?state=active")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct {
			ActiveTargets []struct {
				Labels struct{ Job, Instance string }
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		return nil, fmt.Errorf("targets: %w", err)
	}
	byJob := map[string][]string{}
	for _, target := range answer.Data.ActiveTargets {
		byJob[target.Labels.Job] = append(byJob[target.Labels.Job], target.Labels.Instance)
	}
	return byJob, nil
}

// awaitTargets waits until all jobs have their targets. Prometheus applies changes
// every five seconds, and once more every five to what it scrapes.
func awaitTargets(t *testing.T, ns *namespace, what string, jobs []job) {
	t.Helper()
	took := harness.Eventually(t, 15*time.Second, what, func() error {
		found, err := targets(t, ns)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if err := same(found[j.name], j.want); err != nil {
				return fmt.Errorf("job %s: %w", j.name, err)
			}
		}
		return nil
	})
	t.Logf("%s: after %v", what, took.Round(time.Millisecond))
}

// srvTargets and addressTargets are what Prometheus makes of a service by SRV, and
// by A with port 8080.
func srvTargets(s *service) (targets []string) {
	for _, in := range s.Instances {
		targets = append(targets, fmt.Sprintf("%s.%s:%d", in.ID, s.host(), in.Ports[0].Port))
	}
	return targets
}

func addressTargets(s *service) (targets []string) {
	v4, _ := s.families()
	for _, a := range v4 {
		targets = append(targets, a+":8080")
	}
	return targets
}

// TestPrometheus has Prometheus find its targets in DNS, by SRV and A: several
// instances, some of them gone, none left, and more than UDP holds.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	need(t, "prometheus")
	ns := newServer(t)
	s, leaving, empty, wide := newService("orders"), newService("leaving"), newEmpty("empty"), newWide("wide", wideSize)
	ns.store(t, s, leaving, empty, wide)
	ns.awaitServed(t, wide)
	jobs := func(s, leaving *service) []job {
		return []job{
			{"srv", s.srvName(), "SRV", srvTargets(s)},
			{"upper", strings.ToUpper(s.srvName()), "SRV", srvTargets(s)},
			{"a", s.host(), "A", addressTargets(s)},
			{"leaving", leaving.srvName(), "SRV", srvTargets(leaving)},
			{"empty", empty.srvName(), "SRV", nil},
			{"wide", wide.srvName(), "SRV", srvTargets(wide)},
			{"wide-a", wide.host(), "A", addressTargets(wide)},
		}
	}
	startPrometheus(t, ns, jobs(s, leaving))
	awaitTargets(t, ns, "all instances", jobs(s, leaving))
	ns.unregister(t, s, "b")
	for _, in := range leaving.Instances {
		ns.unregister(t, leaving, in.ID)
	}
	awaitTargets(t, ns, "one instance gone of one service, all of the other", jobs(s.without("b"), &service{Name: leaving.Name}))
}
