package peers

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
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
	if err := serving(ctx, p, client); err != nil {
		e.Stop()
		return nil, err
	}
	return e, nil
}

// serving waits until an etcd, or a proxy before one, answers.
func serving(ctx context.Context, p *process.Process, client *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	return p.WaitFor(ctx, askPause, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		_, err := client.Get(ctx, "serving")
		return err
	})
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
	return e.sum(ctx, received, func(metric *dto.Metric) bool {
		return slices.ContainsFunc(metric.GetLabel(), func(label *dto.LabelPair) bool {
			return label.GetName() == "grpc_method" && (method == "" || label.GetValue() == method)
		})
	})
}

// Metric returns the value of one of etcd's counters or gauges, summed over its labels.
func (e *Etcd) Metric(ctx context.Context, name string) (float64, error) {
	return e.sum(ctx, name, func(*dto.Metric) bool { return true })
}

// sum adds up the values of a metric that are selected by their labels.
func (e *Etcd) sum(ctx context.Context, name string, selects func(*dto.Metric) bool) (sum float64, err error) {
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
	family, ok := families[name]
	if !ok {
		return 0, fmt.Errorf("%s has no metric %s", url, name)
	}
	for _, metric := range family.GetMetric() {
		if selects(metric) {
			sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue() // it is one of them
		}
	}
	return sum, nil
}
