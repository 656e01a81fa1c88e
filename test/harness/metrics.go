package harness

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Metrics is what a /metrics endpoint showed at one time.
type Metrics map[string]*dto.MetricFamily

// ScrapeMetrics reads the metrics at a URL.
func ScrapeMetrics(t testing.TB, url string) Metrics {
	t.Helper()
	code, body, err := httpGet(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if code != http.StatusOK {
		t.Fatalf("%s: status %d", url, code)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(body)
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return families
}

// Sum adds up the series of a metric that have all the labels, which are pairs of
// name and value. Of histograms and summaries it adds the counts. A metric
// without such a series is 0.
func (m Metrics) Sum(name string, labels ...string) float64 {
	var sum float64
	for _, metric := range m[name].GetMetric() {
		if !hasLabels(metric, labels) {
			continue
		}
		sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + metric.GetUntyped().GetValue() +
			float64(metric.GetHistogram().GetSampleCount()) + float64(metric.GetSummary().GetSampleCount())
	}
	return sum
}

// By returns the sums of a metric by the values of one label.
func (m Metrics) By(name, label string) map[string]float64 {
	sums := map[string]float64{}
	for _, metric := range m[name].GetMetric() {
		for _, pair := range metric.GetLabel() {
			if pair.GetName() == label {
				sums[pair.GetValue()] = m.Sum(name, label, pair.GetValue())
			}
		}
	}
	return sums
}

func hasLabels(metric *dto.Metric, labels []string) bool {
	for i := 0; i+1 < len(labels); i += 2 {
		found := false
		for _, pair := range metric.GetLabel() {
			found = found || (pair.GetName() == labels[i] && pair.GetValue() == labels[i+1])
		}
		if !found {
			return false
		}
	}
	return true
}

// httpClient leaves no connections behind.
var httpClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: Patience}

func httpGet(ctx context.Context, url string) (int, io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("getting %s: %w", url, err)
	}
	return resp.StatusCode, resp.Body, nil
}
