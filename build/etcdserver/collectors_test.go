package etcdserver

import (
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestBlockingMetricsAreLeftOut also finds out when etcd renames them.
func TestBlockingMetricsAreLeftOut(t *testing.T) {
	t.Parallel()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, family := range families {
		names = append(names, family.GetName())
	}
	if !slices.Equal(leftOut, blocking) {
		t.Errorf("etcd has registered %q only of %q", leftOut, blocking)
	}
	for _, name := range blocking {
		if slices.Contains(names, name) {
			t.Errorf("%s is still collected", name)
		}
	}
	if !slices.Contains(names, "etcd_mvcc_db_total_size_in_bytes") {
		t.Error("etcd's other metrics are gone, too")
	}
}
