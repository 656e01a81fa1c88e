package peers

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/rosterdns/roster/test/bench/process"
	"github.com/rosterdns/roster/test/ports"
)

const (
	// quota is etcd's limit of stored bytes: a million instances and what is changed of
	// them in a run take more than the 2 GiB of the default.
	quota = 16 << 30
	// dialTime bounds a connection to etcd.
	dialTime = 10 * time.Second
)

// Etcd is an etcd of one member, which writes to disk as it always does.
type Etcd struct {
	*process.Process
	// Endpoint is its URL.
	Endpoint string
	// Client is closed by Stop.
	Client *clientv3.Client
}

// Etcd starts an etcd and waits until it serves.
func (k Kit) Etcd(ctx context.Context) (*Etcd, error) {
	dir, err := k.Group.Dir("etcd")
	if err != nil {
		return nil, err
	}
	var urls [2]string // for clients and for peers
	for i := range urls {
		port, err := ports.Free()
		if err != nil {
			return nil, err
		}
		urls[i] = fmt.Sprintf("http://127.0.0.1:%d", port)
	}
	p, err := k.Group.Start("etcd", dir, k.Programs.Etcd, "--name=etcd", "--data-dir=data", "--log-level=warn",
		"--listen-client-urls="+urls[0], "--advertise-client-urls="+urls[0],
		"--listen-peer-urls="+urls[1], "--initial-advertise-peer-urls="+urls[1], "--initial-cluster=etcd="+urls[1],
		fmt.Sprintf("--quota-backend-bytes=%d", quota))
	if err != nil {
		return nil, err
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: urls[:1], DialTimeout: dialTime, Logger: zap.NewNop()})
	if err != nil {
		return nil, err
	}
	e := &Etcd{p, urls[0], client}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	err = e.WaitFor(ctx, askPause, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		_, err := client.Get(ctx, "serving")
		return err
	})
	if err != nil {
		e.Stop()
		return nil, err
	}
	return e, nil
}

// Stop ends etcd.
func (e *Etcd) Stop() {
	_ = e.Client.Close() // it was only read from
	e.Process.Stop()
}

// received counts the messages of each gRPC method, requests and those on streams.
const received = "grpc_server_msg_received_total"

// Requests returns how many messages etcd has got from its clients for a gRPC
// method; empty for all.
func (e *Etcd) Requests(ctx context.Context, method string) (float64, error) {
	url := e.Endpoint + "/metrics"
	code, body, err := get(ctx, url)
	if err != nil {
		return 0, err
	}
	if code != http.StatusOK {
		return 0, fmt.Errorf("%s: status %d", url, code)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", url, err)
	}
	family, ok := families[received]
	if !ok {
		return 0, fmt.Errorf("%s has no metric %s", url, received)
	}
	sum := 0.0
	for _, metric := range family.GetMetric() {
		for _, label := range metric.GetLabel() {
			if label.GetName() == "grpc_method" && (method == "" || label.GetValue() == method) {
				sum += metric.GetCounter().GetValue()
			}
		}
	}
	return sum, nil
}
