package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/cmd/registrar/internal/cluster"
	"github.com/rosterdns/roster/cmd/registrar/internal/doctor"
	"github.com/rosterdns/roster/internal/etcdclient"
)

const (
	// clockTimeout bounds the question for a date, which takes no time where it is
	// answered at all: a member can have another port for HTTP.
	clockTimeout = time.Second
	// samples is how many requests tell how fast etcd is: enough for a percentile, and
	// few enough not to be noticed.
	samples = 20
)

// checkEtcd checks etcd itself, and what the user may do below a prefix.
func (d *examination) checkEtcd(ctx context.Context, cfg etcdclient.Config, below string) []doctor.Finding {
	etcd, closing, err := d.etcd(ctx, cfg)
	if err != nil {
		return []doctor.Finding{{Level: doctor.Fail, What: "connecting to etcd: " + err.Error(), Do: classify(ofEtcd(err)).hint}}
	}
	defer closing()
	members, listErr := cluster.Look(ctx, etcd, d.globals.endpoints)
	findings := doctor.Etcd(members, listErr)
	var answering []string
	for i := range members {
		if m := &members[i]; m.Err == nil && !m.Unlisted {
			answering = append(answering, m.Endpoint)
		}
	}
	if len(answering) == 0 {
		return findings // the rest would say the same again
	}
	findings = append(findings, doctor.Access(cluster.RightsOf(ctx, etcd, below), below))
	findings = append(findings, checkClocks(ctx, cfg, answering)...)
	if took := latencies(ctx, etcd, below); len(took) > 0 {
		findings = append(findings, doctor.Latency(took, d.lease))
	}
	return findings
}

// checkClocks compares the clocks of members by the date that their HTTP servers state.
func checkClocks(ctx context.Context, cfg etcdclient.Config, endpoints []string) (findings []doctor.Finding) {
	transport := &http.Transport{DisableKeepAlives: true}
	if cfg.Files != nil {
		tls, err := cfg.Files.Config()
		if err != nil {
			return []doctor.Finding{doctor.Clock(strings.Join(endpoints, ", "), 0, err)}
		}
		transport.TLSClientConfig = tls
	}
	client := &http.Client{Transport: transport, Timeout: clockTimeout}
	for _, endpoint := range endpoints {
		skew, err := doctor.SkewOf(ctx, client, strings.TrimSuffix(endpoint, "/")+"/version")
		findings = append(findings, doctor.Clock(endpoint, skew, err))
	}
	return findings
}

// latencies measures linearizable reads. One that is refused takes as long.
func latencies(ctx context.Context, etcd cluster.Etcd, below string) (took []time.Duration) {
	for range samples {
		start := time.Now()
		_, err := etcd.Get(ctx, below+"_probe", clientv3.WithCountOnly())
		if err != nil && !etcdclient.Denied(err) {
			break
		}
		took = append(took, time.Since(start))
	}
	return took
}
